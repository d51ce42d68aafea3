"""Where the stack lives: its folders, its ports, and which parts are somebody else's."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.complaints import Complaint

PROJECT = Path(__file__).resolve().parents[2]
SERVICES = ("intake", "verifier", "attribution", "notifier", "feedback")
HOST = "127.0.0.1"

LMTP = "intake-lmtp"
RETURNS = "feedback-lmtp"
NAMES = "names"
_PORT_OFFSETS = {
    "console": 0,
    **{service: offset for offset, service in enumerate(SERVICES, start=1)},
    LMTP: 6,
    "kafka": 20,
    "kafka-controller": 21,
    "postgres": 22,
    "mail": 24,
    RETURNS: 25,
    NAMES: 26,
}
_PORT_OFFSETS_OF_OTHERS = {RETURNS: 7}
"""Of replicas beyond the first, whose round has no room for the port that the first has."""

MOST_REPLICAS = 8
_SECOND_REPLICA_OFFSET = 30
_PORTS_OF_REPLICAS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Everything that distinguishes one stack from another on the same machine.

    `services` are those to start, `replicas` times each; none leaves Kafka, PostgreSQL and the mail sink alone.
    `maven_mirror`: base URL of a repository to use instead of Maven Central. The three `external_…` fields are empty
    when the stack runs that part. With `relay_faults` the mail sink is a relay that misbehaves so (deploy/doubles).
    `settings` are variables for the services of this stack; they win over those of our own environment.
    """

    home: Path
    cache: Path
    port_base: int = 8100
    partitions: int = 6
    services: tuple[str, ...] = SERVICES
    replicas: int = 1
    maven_mirror: str = ""
    external_kafka: str = ""
    external_postgres: str = ""
    external_smtp: str = ""
    relay_faults: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Layout":
        return cls(
            home=Path(environment.get("TOCSIN_HOME") or PROJECT / ".local").resolve(),
            cache=_cache(environment),
            port_base=_whole_number(environment, "TOCSIN_PORT_BASE", default=8100, most=65_000),
            partitions=_whole_number(environment, "TOCSIN_LOCAL_PARTITIONS", default=6, most=1000),
            services=_services(environment),
            replicas=_whole_number(environment, "TOCSIN_LOCAL_REPLICAS", default=1, most=MOST_REPLICAS),
            maven_mirror=environment.get("TOCSIN_LOCAL_MAVEN_MIRROR", ""),
            external_kafka=environment.get("TOCSIN_LOCAL_KAFKA_BOOTSTRAP", ""),
            external_postgres=environment.get("TOCSIN_LOCAL_POSTGRES_URL", ""),
            external_smtp=environment.get("TOCSIN_LOCAL_SMTP", ""),
            relay_faults=environment.get("TOCSIN_LOCAL_RELAY_FAULTS", ""),
        )

    def port(self, part: str, *, replica: int = 1) -> int:
        """Replicas of a service beyond the first listen above the ports that a stack always has: ten to each round."""
        round_offset = _SECOND_REPLICA_OFFSET + _PORTS_OF_REPLICAS * (replica - 2) if replica > 1 else 0
        offsets = _PORT_OFFSETS | _PORT_OFFSETS_OF_OTHERS if replica > 1 else _PORT_OFFSETS
        return self.port_base + offsets[part] + round_offset

    def url(self, service: str, *, replica: int = 1) -> str:
        return f"http://{HOST}:{self.port(service, replica=replica)}"

    @property
    def service_ports(self) -> Mapping[str, int]:
        """The port of every replica that is to be started, by its name."""
        return {
            replica_name(service, replica): self.port(service, replica=replica)
            for replica in range(1, self.replicas + 1)
            for service in self.services
        }

    @property
    def mail_doors(self) -> Mapping[str, int]:
        """The port at which each replica of intake takes partners' mail (LMTP)."""
        return self._doors("intake", LMTP)

    @property
    def return_doors(self) -> Mapping[str, int]:
        """The port at which each replica of feedback takes what comes back (LMTP)."""
        return self._doors("feedback", RETURNS)

    def _doors(self, service: str, part: str) -> Mapping[str, int]:
        replicas = range(1, self.replicas + 1) if service in self.services else ()
        return {f"{replica_name(service, replica)}, mail": self.port(part, replica=replica) for replica in replicas}

    @property
    def own_parts(self) -> tuple[str, ...]:
        """The parts beside the services that the stack runs itself, by the names of their ports."""
        return (
            *(() if self.external_kafka else ("kafka", "kafka-controller")),
            *(() if self.external_postgres else ("postgres",)),
            *(() if self.external_smtp else ("mail",)),
            *((NAMES,) if "attribution" in self.services else ()),
        )

    @property
    def kafka_bootstrap(self) -> str:
        return self.external_kafka or f"{HOST}:{self.port('kafka')}"

    @property
    def smtp(self) -> tuple[str, int]:
        """Host and port of the relay that takes the notifier's mails."""
        if not self.external_smtp:
            return HOST, self.port("mail")
        host, _, port = self.external_smtp.rpartition(":")
        if not (host and port.isdecimal()):
            raise Complaint(f"TOCSIN_LOCAL_SMTP has to be host:port, not {self.external_smtp!r}.")
        return host, int(port)

    @property
    def made(self) -> tuple[Path, ...]:
        """What the stack keeps in its folder, beside PostgreSQL's cluster."""
        folders = (self.kafka, self.mail, self.payloads, self.logs, self.secrets)
        return (*folders, self.endpoints, self.processes, self.lock, self.relay_tally, self.records)

    @property
    def mail(self) -> Path:
        return self.home / "mail"

    @property
    def relay_tally(self) -> Path:
        """The faults of the relay that have struck, a line for each."""
        return self.home / "relay-faults"

    @property
    def records(self) -> Path:
        """What the name server of this stack knows, written as zones are; whoever tries the stack adds to it."""
        return self.home / "names.zone"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def secrets(self) -> Path:
        return self.home / "secrets"

    @property
    def payloads(self) -> Path:
        return self.home / "payloads"

    @property
    def kafka(self) -> Path:
        return self.home / "kafka"

    @property
    def postgres(self) -> Path:
        return self.home / "postgres"

    @property
    def endpoints(self) -> Path:
        return self.home / "endpoints.json"

    @property
    def processes(self) -> Path:
        return self.home / "processes.json"

    @property
    def lock(self) -> Path:
        return self.home / "supervisor.lock"


def replica_name(service: str, replica: int) -> str:
    """The first replica is called like its service, the others `intake-2` and so on."""
    return service if replica == 1 else f"{service}-{replica}"


def service_of(part: str) -> str:
    """The service that a part is a replica of; other parts are their own."""
    return part.partition("-")[0]


def _cache(environment: Mapping[str, str]) -> Path:
    """`TOCSIN_CACHE`, or `tocsin` in the user's cache folder (XDG Base Directory Specification)."""
    if chosen := environment.get("TOCSIN_CACHE"):
        return Path(chosen).resolve()
    return Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache").resolve() / "tocsin"


def _services(environment: Mapping[str, str]) -> tuple[str, ...]:
    """`TOCSIN_LOCAL_SERVICES`: names with commas between, or `none`; by default all whose code is in this checkout."""
    chosen = environment.get("TOCSIN_LOCAL_SERVICES")
    if not chosen:
        return tuple(service for service in SERVICES if (PROJECT / "services" / service / "__main__.py").exists())
    names = tuple(chosen.replace(" ", "").split(",")) if chosen != "none" else ()
    if unknown := set(names) - set(SERVICES):
        raise Complaint(f"TOCSIN_LOCAL_SERVICES names {', '.join(sorted(unknown))}; there are {', '.join(SERVICES)}.")
    return names


def _whole_number(environment: Mapping[str, str], name: str, *, default: int, most: int) -> int:
    text = environment.get(name) or str(default)
    if not (text.isdecimal() and 1 <= int(text) <= most):
        raise Complaint(f"{name} has to be a number from 1 to {most}, not {text!r}.")
    return int(text)
