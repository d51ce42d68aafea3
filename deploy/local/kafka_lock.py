"""Which files Kafka consists of: `kafka.lock`, coordinates and checksums, no addresses."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

ENDPOINT = "org.apache.kafka:kafka_2.13:4.1.0+org.slf4j:slf4j-simple:2.0.17"
LOCK_FILE = Path(__file__).with_name("kafka.lock")


@dataclass(frozen=True, slots=True, kw_only=True)
class Jar:
    """One file of a Maven repository; `sha256` in hexadecimal."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"

    @property
    def path(self) -> str:
        """Where a Maven repository keeps it."""
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.name}"


def read_lock(path: Path = LOCK_FILE) -> list[Jar]:
    """The locked jars; each line is `group:artifact:version sha256`."""
    lines = [line.split() for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return [_jar(coordinates, sha256) for coordinates, sha256 in lines]


def jars_folder(cache: Path) -> Path:
    """One folder for each content of the lock, so that `java -cp folder/*` never sees a jar of another version."""
    return cache / f"kafka-{hashlib.sha256(LOCK_FILE.read_bytes()).hexdigest()[:12]}"


def maven_central() -> str:
    """Base URL of the repository. Imported here because jgo takes its time, and a second start never needs it."""
    from jgo.constants import MAVEN_CENTRAL_URL

    return MAVEN_CENTRAL_URL


def lock_kafka(path: Path = LOCK_FILE) -> int:
    """Resolve Kafka's dependencies anew, write the lock, return how many files it names. Needs the network."""
    import jgo

    coordinates = sorted(f"{found.groupId}:{found.artifactId}:{found.version}" for found in jgo.resolve(ENDPOINT))
    checksums = asyncio.run(_checksums([_jar(each, sha256="") for each in coordinates]))
    lines = (f"{each} {sha256}" for each, sha256 in zip(coordinates, checksums, strict=True))
    path.write_text(
        "\n".join(("# Made by `python -m deploy.local lock-kafka`: group:artifact:version sha256", *lines, ""))
    )
    return len(coordinates)


async def _checksums(jars: Sequence[Jar]) -> list[str]:
    repository = maven_central()
    async with httpx.AsyncClient(follow_redirects=True, timeout=60) as client:
        answers = await asyncio.gather(*(client.get(f"{repository}/{jar.path}") for jar in jars))
    return [hashlib.sha256(answer.raise_for_status().content).hexdigest() for answer in answers]


def _jar(coordinates: str, sha256: str) -> Jar:
    group, artifact, version = coordinates.split(":")
    return Jar(group=group, artifact=artifact, version=version, sha256=sha256)
