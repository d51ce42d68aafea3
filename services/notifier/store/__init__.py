"""The notifier's tables, and its questions to them, a batch at a time. Nothing here commits."""

from services.notifier.store.tables import metadata

__all__ = ["metadata"]
