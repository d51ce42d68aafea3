from libs.common.migrations import run_migrations
from services.attribution import store

run_migrations(store.metadata)
