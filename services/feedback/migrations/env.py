"""Alembic's entry."""

from libs.common.migrations import run_migrations
from services.feedback.store.tables import metadata

run_migrations(metadata)
