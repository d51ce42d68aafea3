"""What machine tags and TLP markings say: in MISP events and attributes, and in the labels of STIX objects."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from libs.common.text import plain
from libs.common.vocabulary import Tlp
from services.intake.domain.values import MAX_TAG_CHARS, MAX_TAGS, cve_of, tlp_of

_RSIT = re.compile(r'rsit:([a-z-]+)="([a-z0-9-]+)"', re.IGNORECASE)
_BY_STRICTNESS = list(Tlp)


@dataclass(frozen=True, slots=True)
class Tags:
    """The strictest label of the Traffic Light Protocol, the first category of the Reference Security Incident
    Taxonomy (known to us or not), and the tags that are neither; at most 50.
    """

    tlp: Tlp | None = None
    category: str | None = None
    cve_ids: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    def before(self, wider: "Tags") -> "Tags":
        """These, together with those of what is around."""
        return Tags(
            tlp=strictest(self.tlp, wider.tlp),
            category=self.category or wider.category,
            cve_ids=first_of(self.cve_ids, wider.cve_ids),
            others=first_of(self.others, wider.others),
        )


def tags_in(names: Iterable[str]) -> Tags:
    labels: list[Tlp | None] = []
    categories: list[str] = []
    others: dict[str, None] = {}
    for name in names:
        if name[:4].lower() == "tlp:":
            labels.append(tlp_of(name))
        elif rsit := _RSIT.fullmatch(name):
            categories.append(f"{rsit[1]}/{rsit[2]}")
        elif len(others) < MAX_TAGS and (tag := plain(name, MAX_TAG_CHARS)):
            others[tag] = None
    cve_ids = (cve_of(tag[4:]) for tag in others if tag[:4].lower() == "cve:")
    return Tags(
        tlp=strictest(*labels),
        category=next(iter(categories), None),
        cve_ids=first_of(filter(None, cve_ids)),
        others=tuple(others),
    )


def strictest(*labels: Tlp | None) -> Tlp | None:
    known = [label for label in labels if label]
    if len(known) < 2:
        return known[0] if known else None
    return max(known, key=_BY_STRICTNESS.index)


def first_of(*lists: Iterable[str]) -> tuple[str, ...]:
    """Each text once, in order, as many as an indicator has of tags or CVE ids."""
    return tuple(dict.fromkeys(text for texts in lists for text in texts))[:MAX_TAGS]
