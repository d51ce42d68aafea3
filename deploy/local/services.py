"""Tocsin's own services as parts: what each is told through its environment."""

import os
import sys
from collections.abc import Mapping

from deploy.local.keys import Keys
from deploy.local.layout import HOST, LMTP, NAMES, PROJECT, RETURNS, SERVICES, Layout, replica_name
from deploy.local.parts import Part
from deploy.local.postgres import database_url
from deploy.local.reachability import says_ready

AT_ANY_HOUR = {
    "QUIET_HOURS": "",
    "BUSINESS_DAY_SEVERITIES": "",
    "ROUND_UP_TIME": "",
    "RECIPIENT_DAILY_CAP": "0",
    "DOMAIN_DAILY_CAP": "0",
    "INCIDENT_DAILY_CAP": "0",
    "TOTAL_DAILY_CAP": "0",
}
"""Whoever tries the stack wants to see each mail now, in the evening too."""


def service_part(service: str, *, layout: Layout, keys: Keys, replica: int = 1) -> Part:
    port = layout.port(service, replica=replica)
    return Part(
        name=replica_name(service, replica),
        command=service_command(service),
        folder=PROJECT,
        port=port,
        environment=service_environment(service, layout=layout, keys=keys, replica=replica),
        is_ready=lambda: says_ready(HOST, port),
    )


def service_command(service: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"services.{service}", *arguments)


def service_environment(
    service: str, *, layout: Layout, keys: Keys, replica: int = 1, chosen: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """`TOCSIN_<SERVICE>_<NAME>` for every setting the stack decides; what the user has `chosen` is left alone.

    And the settings of this layout, which nobody else hears of.
    """
    ports = {"HTTP_PORT": str(layout.port(service, replica=replica))}
    if (door := {"intake": LMTP, "feedback": RETURNS}.get(service)) is not None:
        ports["LMTP_PORT"] = str(layout.port(door, replica=replica))
    settings = ports | _common(service, layout=layout, keys=keys) | _own(service, layout=layout, keys=keys)
    variables = {f"TOCSIN_{service.upper()}_{name}": value for name, value in settings.items()}
    ours = {name: value for name, value in variables.items() if name not in chosen and f"{name}_FILE" not in chosen}
    return {**ours, **layout.settings}


def _common(service: str, *, layout: Layout, keys: Keys) -> dict[str, str]:
    return {
        "HTTP_HOST": HOST,
        "DATABASE_URL": database_url(layout, keys, service=service),
        "KAFKA_BOOTSTRAP": layout.kafka_bootstrap,
        "OPERATOR_PUBLIC_KEY": keys.operator_public_key(),
        "SHUTDOWN_SECONDS": "10",  # shorter than the stack's patience with a service
        "LOG_FORMAT": "json",
    }


def _own(service: str, *, layout: Layout, keys: Keys) -> dict[str, str]:
    """What only this service is told."""
    smtp_host, smtp_port = layout.smtp
    links = {"LINK_KEY": keys.link_key(), "PUBLIC_URL": layout.url("feedback")}
    return {
        "intake": {
            "PAYLOAD_DIR": str(layout.payloads),
            "BOOTSTRAP_PARTNER_KEY": keys.partner_key(),
            "AUDITOR_TOKEN": keys.auditor_token(),
            "MAIL_DOMAIN": "feeds.example.org",
            "PUBLIC_URL": layout.url("intake"),
            "WEBHOOK_INSECURE": "true",  # receivers are on this machine too
            **{f"{sibling.upper()}_URL": layout.url(sibling) for sibling in SERVICES if sibling != "intake"},
        },
        "verifier": {"ALLOW_DOCUMENTATION_RANGES": "true", "ATTRIBUTION_URL": layout.url("attribution")},
        "attribution": {
            "CLAIMS_URL": layout.url("attribution"),
            "VERIFIER_URL": layout.url("verifier"),
            "DNS_PROOFS_ENABLED": "true",
            "DNS_PROOFS_SECONDS": "5",  # whoever tries it out does not want to wait
            "DNS_NAMESERVERS": f'["{HOST}:{layout.port(NAMES)}"]',
        },
        "notifier": {
            "SMTP_HOST": smtp_host,
            "SMTP_PORT": str(smtp_port),
            "SMTP_SECURITY": "none",
            **AT_ANY_HOUR,
            **links,
            "FIRST_WAVE": "none",  # whoever tries the system out wants to see all of its mails
            "VOLUME_STOPS": "false",
        },
        "feedback": {**links, "ALLOW_DOCUMENTATION_RANGES": "true"},
    }[service]
