"""Alembic's entry point; the work is common to all services."""

from libs.common.migrations import run_migrations
from services.notifier import store

run_migrations(store.metadata)
