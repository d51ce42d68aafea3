"""The versions of the services' tables, by the files of their migrations. Alembic says the same, and takes longer."""

from pathlib import Path

SERVICES_FOLDER = Path(__file__).resolve().parents[2] / "services"


def migrations_of(service: str) -> Path:
    return SERVICES_FOLDER / service / "migrations"


def newest_revision(service: str) -> str:
    """The version that the code needs: what the name of the last migration begins with."""
    files = (migrations_of(service) / "versions").glob("[0-9]*_*.py")
    return max(path.name.partition("_")[0] for path in files)
