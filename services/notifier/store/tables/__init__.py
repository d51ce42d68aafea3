"""The tables. `attributed`, `changed` and `recipient` hold values of `libs.common.contracts` as JSON.

As bytes, since nobody asks for what is in them, and PostgreSQL would parse and print each value otherwise. To look at
one by hand: `convert_from(attributed, 'UTF8')::json`. No foreign keys: they would cost a look-up for each row.
"""

from services.notifier.store.tables import corrections, limits, notifications, side_mails
from services.notifier.store.tables.base import metadata

__all__ = ["corrections", "limits", "metadata", "notifications", "side_mails"]
