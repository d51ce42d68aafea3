"""What IntelMQ is told: which bots it has, four for the comparison, and what the columns of a report mean."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

REPORT_TYPE = "scan_smb"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    """One process. It reads the queue of its own name and writes the next one's."""

    name: str
    module: str
    parameters: Mapping[str, object] = field(default_factory=dict)

    @property
    def queue(self) -> str:
        return f"{self.name}-queue"


BOTS = (
    Bot(name="parser", module="intelmq.bots.parsers.shadowserver.parser"),
    Bot(
        name="deduplicator",
        module="intelmq.bots.experts.deduplicator.expert",
        parameters={
            "filter_type": "whitelist",
            "filter_keys": "source.ip,source.port,classification.identifier",
            "redis_cache_ttl": 0,  # never forgets, like us, and has one command less to send for each event
        },
    ),
    Bot(name="taxonomy", module="intelmq.bots.experts.taxonomy.expert"),
    Bot(name="file", module="intelmq.bots.outputs.file.output"),
)

# Field of IntelMQ, column of the report, and the parser's own conversion where there is one; `extra.` keeps the name of
# the column. Without a taxonomy among the constants: finding it is the expert's work.
SCAN_SMB = {
    "feed_name": "Accessible-SMB",
    "file_name": REPORT_TYPE,
    "constant_fields": {
        "classification.identifier": "open-smb",
        "classification.type": "vulnerable-system",
        "protocol.application": "smb",
    },
    "required_fields": [
        ["time.source", "timestamp", "add_UTC_to_timestamp"],
        ["source.ip", "ip", "validate_ip"],
        ["source.port", "port", "convert_int"],
    ],
    "optional_fields": [
        ["severity", "severity", "validate_to_none"],
        ["protocol.transport", "protocol"],
        ["source.reverse_dns", "hostname"],
        ["source.asn", "asn", "invalidate_zero"],
        ["source.geolocation.cc", "geo"],
        ["source.geolocation.region", "region"],
        ["source.geolocation.city", "city"],
        ["extra.", "naics", "invalidate_zero"],
        *(
            ["extra.", column, "validate_to_none"]
            for column in (
                "tag",
                "hostname_source",
                "sector",
                "arch",
                "key",
                "smb_major_number",
                "smb_minor_number",
                "smb_revision",
                "smb_version_string",
            )
        ),
    ],
}


@dataclass(frozen=True, slots=True)
class Home:
    """The folders that IntelMQ expects under its root, the files that we put there or read, and its bots in a row."""

    root: Path
    bots: Sequence[Bot] = BOTS

    @property
    def redis_socket(self) -> Path:
        return self.root / "redis.sock"

    @property
    def logs(self) -> Path:
        return self.root / "var" / "log"

    @property
    def state(self) -> Path:
        return self.root / "var" / "lib" / "bots"

    @property
    def events(self) -> Path:
        return self.root / "events.jsonl"

    @property
    def configuration(self) -> Path:
        return self.root / "etc"

    def furnish(self, harmonization: Path) -> None:
        for folder in (self.configuration, self.logs, self.state):
            folder.mkdir(parents=True)
        shutil.copy(harmonization, self.configuration / "harmonization.conf")
        (self.state / "shadowserver-schema.json").write_text(json.dumps({REPORT_TYPE: SCAN_SMB}))
        (self.configuration / "runtime.yaml").write_text(json.dumps(self._runtime()))  # JSON is YAML too

    def _runtime(self) -> Mapping[str, object]:
        places = ("source_pipeline_host", "destination_pipeline_host", "statistics_host", "redis_cache_host")
        common = {
            **dict.fromkeys(places, str(self.redis_socket)),
            "logging_level": "WARNING",
            "logging_path": str(self.logs),
            "rate_limit": 0,
            "load_balance": False,
            "file": str(self.events),
        }
        following = (*self.bots[1:], None)
        bots = {
            bot.name: {"module": bot.module, "parameters": {**bot.parameters, **_destination(after)}}
            for bot, after in zip(self.bots, following, strict=True)
        }
        return {"global": common, **bots}


def _destination(after: Bot | None) -> dict[str, object]:
    return {"destination_queues": {"_default": [after.queue]}} if after else {}
