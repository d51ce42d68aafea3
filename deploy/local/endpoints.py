"""`.local/endpoints.json`: where everything is and how to get in. It exists exactly while all parts are ready."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from deploy.local.keys import Keys, write_private
from deploy.local.layout import Layout
from deploy.local.postgres import superuser_url


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """`services`: base URL by name. `postgres` is the superuser's URL. `kafka` is host:port."""

    services: dict[str, str]
    kafka: str
    postgres: str
    admin_token: str
    partner_key: str
    mail_dir: str
    log_dir: str

    def write(self, layout: Layout) -> None:
        others = {name: getattr(self, name) for name in self.__slots__ if name != "services"}
        write_private(layout.endpoints, json.dumps(self.services | others, indent=2) + "\n")


def endpoints_of(layout: Layout, *, services: Iterable[str], keys: Keys, now: datetime) -> Endpoints:
    return Endpoints(
        services={service: layout.url(service) for service in services},
        kafka=layout.kafka_bootstrap,
        postgres=superuser_url(layout, keys),
        admin_token=keys.admin_token(now=now),
        partner_key=keys.partner_key(),
        mail_dir=str(layout.mail),
        log_dir=str(layout.logs),
    )


def read_endpoints(layout: Layout) -> dict[str, str] | None:
    """The file's content, or nothing when no stack is ready."""
    try:
        content: dict[str, str] = json.loads(layout.endpoints.read_text())
    except FileNotFoundError:
        return None
    return content
