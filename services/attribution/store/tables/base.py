"""What all tables of this service belong to."""

from sqlalchemy import MetaData

from libs.common.outbox import outbox_table

metadata = MetaData()

outbox = outbox_table(metadata)
