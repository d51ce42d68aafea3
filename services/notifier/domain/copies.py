"""Copies: the operator's routes say that an organisation is warned and that its team hears of it as well.

A copy is a target of its own, with a mail of its own to the team, planned, held back, withdrawn and corrected like any.
Only an outcome it has none: that of the record is what became of the organisation's mail.
"""

from collections.abc import Iterator

import msgspec

from libs.common.contracts import TargetAttributed as Target
from libs.common.ids import derived_id


def with_copies(target: Target) -> Iterator[Target]:
    """The target, then each copy of it. A team that is named twice gets one, under the same id each time."""
    yield target
    for copy in {each.recipient.key: each for each in target.copies}.values():
        yield msgspec.structs.replace(
            target,
            target_id=derived_id("copy", target.target_id, copy.recipient.key),
            recipient=copy.recipient,
            handed_over=copy.handed_over,
            copies=(),
            copy_of=target.target_id,
        )
