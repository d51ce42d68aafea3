"""Answers of recipients are kept with what came back by mail, in one table.

`answers` stays as a view for replicas of before: they write each answer that names a notification into both, and read
the figures there. What they forget there is forgotten by those that know one table.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _widen_returns()
    _carry_answers_over()
    _leave_a_view()


def _widen_returns() -> None:
    op.alter_column("returns", "notification_id", nullable=True, comment="none of a rating, which nobody can trace")
    op.add_column("returns", sa.Column("incident", sa.Text, comment="of an answer: the one in whose figures it counts"))
    op.add_column("returns", sa.Column("useful", sa.SmallInteger))
    op.add_column("returns", sa.Column("clear", sa.SmallInteger))


def _carry_answers_over() -> None:
    """Nobody adds to either table meanwhile: the first change has locked the one, and this locks the other."""
    op.execute("LOCK TABLE answers IN ACCESS EXCLUSIVE MODE")
    op.execute(
        """
        INSERT INTO returns AS known (return_id, notification_id, kind, trust, code, detail, address, at, heeded_at,
                                      incident, useful, clear)
        SELECT feedback_id, notification_id, kind, CASE WHEN notification_id IS NULL THEN 'none' ELSE 'token' END,
               '', '', '', at, at, incident, useful, clear
        FROM answers
        ON CONFLICT (return_id) DO UPDATE SET incident = excluded.incident
        """
    )
    op.drop_table("answers")
    op.create_index(
        "returns_of_incident", "returns", ["incident", "at"], postgresql_where=sa.text("incident IS NOT NULL")
    )


def _leave_a_view() -> None:
    op.execute(
        """
        CREATE VIEW answers AS
        SELECT return_id AS feedback_id, incident, notification_id, kind, useful, clear, at
        FROM returns WHERE incident IS NOT NULL
        """
    )
    op.execute(
        """
        CREATE FUNCTION answer_of_before() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' THEN
                RETURN NULL;
            END IF;
            INSERT INTO returns (return_id, notification_id, kind, trust, code, detail, address, at, heeded_at,
                                 incident, useful, clear)
            VALUES (new.feedback_id, new.notification_id, new.kind,
                    CASE WHEN new.notification_id IS NULL THEN 'none' ELSE 'token' END,
                    '', '', '', new.at, new.at, new.incident, new.useful, new.clear)
            ON CONFLICT (return_id) DO UPDATE SET incident = excluded.incident;
            RETURN new;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER answer_of_before INSTEAD OF INSERT OR DELETE ON answers"
        " FOR EACH ROW EXECUTE FUNCTION answer_of_before()"
    )
