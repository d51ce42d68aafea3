"""What the verifier's list of those whom other teams warn says of an asset. Events bring it; a look-up asks for it."""

import msgspec

from libs.common.contracts import ListedOperator
from libs.common.vocabulary import Outcome

HANDED_OVER, WARNED = "handed-over", "warned"
BECOMES = frozenset({HANDED_OVER, WARNED, *map(str, Outcome)})


class Listing(msgspec.Struct, frozen=True):
    """`operator` is whom the list names, and `becomes` what the verifier's rules make of that: one of `BECOMES`.

    `by_network`: it is named only by an AS, so it counts for records that say that the asset lies in that one.
    """

    has_list: bool
    operator: ListedOperator | None = None
    becomes: str | None = None
    by_network: bool = False

    @property
    def carried(self) -> ListedOperator | None:
        """What an event would bring."""
        return self.operator if self.becomes == HANDED_OVER else None

    @property
    def is_no_matter(self) -> bool:
        """Whom it names is warned like anybody."""
        return self.becomes == WARNED

    @property
    def ends_as(self) -> Outcome | None:
        """How its records end before they come here."""
        return None if self.becomes in {None, HANDED_OVER, WARNED} else Outcome(self.becomes)


class Unknown(msgspec.Struct, frozen=True):
    """Nobody could be asked about the list, and why."""

    because: str
