"""Alembic's door to the verifier's tables."""

from libs.common.db import run_migrations
from services.verifier import store

run_migrations(store.metadata)
