"""`.local/endpoints.json`: where everything is and how to get in. It exists exactly while all parts are ready."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from deploy.local.keys import Keys, write_private
from deploy.local.layout import HOST, LMTP, RETURNS, Layout, replica_name
from deploy.local.postgres import superuser_url


@dataclass(frozen=True, slots=True)
class ReplicaEndpoint:
    """Where one replica of a service is; its log is called by its name."""

    service: str
    name: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """`services`: base URL of the first replica by service, `replicas`: of all. `postgres` is the superuser's URL.

    `kafka` is host:port, and so is `intake_lmtp`, where a mail server brings partners' mail, and
    `feedback_lmtp`, where it brings what comes back.
    """

    services: dict[str, str]
    replicas: tuple[ReplicaEndpoint, ...]
    intake_lmtp: str
    feedback_lmtp: str
    kafka: str
    postgres: str
    admin_token: str
    partner_key: str
    mail_dir: str
    log_dir: str

    def write(self, layout: Layout) -> None:
        others = asdict(self)
        services = others.pop("services")
        write_private(layout.endpoints, json.dumps(services | others, indent=2) + "\n")


def endpoints_of(layout: Layout, *, services: Iterable[str], keys: Keys, now: datetime) -> Endpoints:
    return Endpoints(
        services={service: layout.url(service) for service in services},
        replicas=tuple(
            ReplicaEndpoint(service, replica_name(service, replica), layout.url(service, replica=replica))
            for service in services
            for replica in range(1, layout.replicas + 1)
        ),
        intake_lmtp=f"{HOST}:{layout.port(LMTP)}",
        feedback_lmtp=f"{HOST}:{layout.port(RETURNS)}",
        kafka=layout.kafka_bootstrap,
        postgres=superuser_url(layout, keys),
        admin_token=keys.admin_token(now=now),
        partner_key=keys.partner_key(),
        mail_dir=str(layout.mail),
        log_dir=str(layout.logs),
    )


def read_endpoints(layout: Layout) -> dict[str, Any] | None:  # Any: JSON
    """The file's content, or nothing when no stack is ready."""
    try:
        content: dict[str, Any] = json.loads(layout.endpoints.read_text())
    except FileNotFoundError:
        return None
    return content
