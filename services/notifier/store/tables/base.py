"""What all tables share; and the incidents, as the verifier tells them."""

from sqlalchemy import Column, DateTime, Integer, LargeBinary, MetaData, Table, Text

from libs.common.outbox import outbox_table

metadata = MetaData()

TIME = DateTime(timezone=True)

incidents = Table(
    "incidents",
    metadata,
    Column("slug", Text, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("changed", LargeBinary, nullable=False, comment="the newest IncidentChanged"),
)

outbox = outbox_table(metadata)
