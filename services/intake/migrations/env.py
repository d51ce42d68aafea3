from libs.common.migrations import run_migrations
from services.intake.store.tables import metadata

run_migrations(metadata)
