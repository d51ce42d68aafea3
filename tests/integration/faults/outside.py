"""What the drills ask outside: a name server on this machine, by whose word alone the owner of a name can be told."""

import csv
import io
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from services.attribution.gateway.guard import Limits
from tests.name_server import NameServer

AT_ONCE = Limits().at_once
"""As many questions to the source may be under way when a process dies."""

NAMES_AT_ONCE = 4
MOST_NAMES = 2000
LADDER = """
[ladder]
rungs = ["registered", "learnt", "record-names", "known-organisation", "role-names", "network", "as"]
[confidence]
role-name = 0.6
"""
"""A guess counts so much that no mail waits for a person."""

COLUMNS = ("seen_at", "category", "identifier", "domain", "port")


class Outside:
    """A source that takes mail for every name, and the names that have not been reported yet."""

    def __init__(self, server: NameServer, *, folder: Path) -> None:
        self._server = server
        self._ladder = folder / "ladder.toml"
        self._ladder.write_text(LADDER)
        self.names: list[str] = []
        """All that were reported, in order."""

    @property
    def settings(self) -> Mapping[str, str]:
        """So that attribution asks it, as quickly as it likes, and asks again soon after a death."""
        settings = {
            "LADDER_FILE": str(self._ladder),
            "MAIL_EXCHANGE_ENABLED": "true",
            "DNS_NAMESERVERS": f'["{self._server.place}"]',
            "SOURCE_QUESTIONS_PER_SECOND": "100",
            "SOURCE_SECONDS": "3",
        }
        return {f"TOCSIN_ATTRIBUTION_{name}": value for name, value in settings.items()}

    def report(self, *, now: datetime) -> bytes:
        """Records about names that nobody has reported before."""
        first = len(self.names)
        names = [name_of(number) for number in range(first, first + NAMES_AT_ONCE)]
        self.names += names
        text = io.StringIO()
        rows = csv.writer(text)
        rows.writerow(COLUMNS)
        rows.writerows((f"{now:%Y-%m-%dT%H:%M:%SZ}", "vulnerable/vulnerable-system", "open-smb", n, 445) for n in names)
        return text.getvalue().encode()

    def asked(self, *, since: int) -> Mapping[str, int]:
        """How often, by name, of those that were reported after so many others."""
        return {name: self._server.asked[name, "MX"] for name in self.names[since:]}


def takes_mail_for_all() -> NameServer:
    return NameServer({(name_of(number), "MX"): (f"10 mail.{name_of(number)}.",) for number in range(MOST_NAMES)})


def name_of(number: int) -> str:
    return f"site{number}.example"
