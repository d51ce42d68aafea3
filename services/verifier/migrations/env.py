"""Alembic's door to the verifier's tables."""

from libs.common.migrations import run_migrations
from services.verifier import store

run_migrations(store.metadata)
