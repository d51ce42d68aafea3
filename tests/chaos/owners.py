"""Whose some networks of `bench.feed` are: dead addresses, second contacts, and teams that hear of it too, or alone.

What attribution and the verifier know of them, and where their records end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.feed import NETWORKS, network_of, owner_of

TEAM_THAT_READS, TEAM_THAT_IS_GONE = "reads", "gone"
TEAMS = {TEAM_THAT_READS: "in@team.example", TEAM_THAT_IS_GONE: "in@gone-team.example"}
SECTORS = {TEAM_THAT_READS: "sbi-2008:86", TEAM_THAT_IS_GONE: "sbi-2008:35"}
WARNED_TOO, HANDED_OVER = "important", "essential"
"""Criticalities: the organisation is warned and its team gets a copy; its team alone is told."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Of a network. Nobody reads what comes for one that `is_gone`; `second` is another contact of its organisation.

    `criticality` is that of an organisation that is registered, `team` the one that looks after it. One that
    `is_listed` stands on the verifier's list, and is not registered.
    """

    network: int
    is_gone: bool = False
    second: str = ""
    criticality: str = ""
    team: str = ""
    is_listed: bool = False

    @property
    def name(self) -> str:
        return f"Owner of network {self.network}"

    @property
    def is_handed_over(self) -> bool:
        return self.is_listed or self.criticality == HANDED_OVER


def _gone(network: int) -> Owner:
    """Every other belongs to an organisation that has another contact, which is read."""
    second = f"desk@bench{network}.example" if network // 20 % 2 == 0 else ""
    return Owner(network, is_gone=True, second=second, criticality="none" if second else "")


OWNERS: Sequence[Owner] = (
    Owner(7, is_gone=True, second="desk@bench7.example", criticality=WARNED_TOO, team=TEAM_THAT_READS),
    Owner(27, is_gone=True, criticality=WARNED_TOO, team=TEAM_THAT_READS),
    *map(_gone, range(47, NETWORKS, 20)),
    Owner(9, criticality=WARNED_TOO, team=TEAM_THAT_READS),
    Owner(56, criticality=WARNED_TOO, team=TEAM_THAT_READS),
    Owner(89, criticality=WARNED_TOO, team=TEAM_THAT_IS_GONE),
    Owner(12, criticality=HANDED_OVER, team=TEAM_THAT_READS),
    Owner(31, is_listed=True, team=TEAM_THAT_READS),
    Owner(112, criticality=HANDED_OVER, team=TEAM_THAT_IS_GONE),
)
"""Of all that the feed has news of. Team and dead address meet in each way: of the one, of the other, of neither."""

HANDED_OVER_NETWORKS = frozenset(owner.network for owner in OWNERS if owner.is_handed_over)


def dead_addresses(owners: Sequence[Owner]) -> list[str]:
    gone = [owner_of(owner.network) for owner in owners if owner.is_gone]
    return [*gone, TEAMS[TEAM_THAT_IS_GONE]] if owners else []


def settings_of(owners: Sequence[Owner], folder: Path) -> Mapping[str, str]:
    """The ladder and the list of vital operators, as files there, and how services find them."""
    if not owners:
        return {}
    ladder, vital_assets = folder / "ladder.toml", folder / "vital-assets.csv"
    ladder.write_text(_ladder())
    rows = (f"ip-range,{network_of(owner.network)},{owner.name},{owner.team}\n" for owner in owners if owner.is_listed)
    vital_assets.write_text("kind,value,name,warned_by\n" + "".join(rows))
    return {
        "TOCSIN_ATTRIBUTION_LADDER_FILE": str(ladder),
        "TOCSIN_VERIFIER_VITAL_ASSETS_FILE": str(vital_assets),
    }


def _ladder() -> str:
    teams = (f'[team.{team}]\nname = "Team that {team}"\nemail = "{email}"\n' for team, email in TEAMS.items())
    sectors = (f'"{sector}" = "{team}"\n' for team, sector in SECTORS.items())
    routes = {WARNED_TOO: "both", HANDED_OVER: "hand-over", "vital": "hand-over"}
    rows = (f'[[handover]]\ncriticality = "{kind}"\naction = "{action}"\n' for kind, action in routes.items())
    return "".join((*teams, "[team_of_sector]\n", *sectors, *rows))


async def register(api: httpx.AsyncClient, owner: Owner) -> None:
    """The organisation at the owner's address, and at the second one."""
    body = {"name": owner.name, "country": "NL", "criticality": owner.criticality}
    sector = {"sector": SECTORS[owner.team]} if owner.team else {}
    made = (await api.post("/v1/organisations", json=body | sector)).raise_for_status().json()
    path = f"/v1/organisations/{made['organisation_id']}"
    for email in filter(None, (owner_of(owner.network), owner.second)):
        (await api.post(f"{path}/contacts", json={"email": email})).raise_for_status()
    asset = {"kind": "ip-range", "value": network_of(owner.network)}
    (await api.post(f"{path}/assets", json=asset)).raise_for_status()
