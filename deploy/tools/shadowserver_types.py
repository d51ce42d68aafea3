"""Write down what intake knows of Shadowserver's report types: shadowserver/types.json, beside its formats.

    python -m deploy.tools.shadowserver_types SCHEMA.json REPORTS.json > …/shadowserver/types.json

SCHEMA is Shadowserver's mapping for IntelMQ, REPORTS their list of reports with their columns; they publish both. New
types appear almost monthly: run it with newer files, look at the difference, commit it. Only the facts that intake uses
are taken over, a line for each type:

- `category` and `identifier`: what a row of this type says, unless
- `identifier_from`: the column that names the finding (the infection of a sinkhole event), or
- `classify`: "exchange", where a tag decides;
- `transport`: what the type implies when a row has no `protocol`;
- `side`: prefix of the columns of the end to be warned (`src_`, `dst_`, `http_referer_`, or none);
- `domain_from`, `url_from`, `email_from`: columns with an asset other than the address;
- `credentials`: rows tell that somebody's credentials leaked.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

Column = list[str]  # target in IntelMQ's words, column, converter


class Entry(TypedDict):
    """What we read of one report in SCHEMA."""

    file_name: str
    constant_fields: dict[str, str]
    required_fields: list[Column]
    optional_fields: list[Column]


# Where we differ from the schema or go beyond it; docs/for-partners.md tells partners.
_OUR_CHOICES: Mapping[str, Mapping[str, object]] = {
    "compromised_account": {"email_from": ["email", "username"], "credentials": True},
    "ransomware_victim": {"domain_from": ["website"]},
    "sandbox_conn": {"domain_from": ["hostname", "host"]},
    "sandbox_dns": {"domain_from": ["request"]},
    "sandbox_url": {"domain_from": ["hostname", "host"]},
    # The attacked address is the one that needs help; the source of the traffic is a report of its own.
    "event4_honeypot_ddos_target": {"side": "dst_"},
}

_RENAMED_CATEGORIES = {"other/blacklist": "other/blocklist"}
_SIDES = {"ip": "", "src_ip": "src_", "http_referer_ip": "http_referer_"}


def as_text(schema_json: str, reports_json: str) -> str:
    """The table, one line for each type, so that a newer schema is a short difference."""
    schema = json.loads(schema_json)
    published = schema.pop("_meta")["date_created"]
    types = {entry["file_name"]: _facts(entry) for entry in schema.values()}
    unknown = sorted(json.loads(reports_json).keys() - types.keys())
    if unknown:
        sys.exit(f"the list of reports has types that the schema lacks: {', '.join(unknown)}")
    lines = ",\n".join(f"    {json.dumps(name)}: {json.dumps(types[name])}" for name in sorted(types))
    return f'{{\n  "published": {json.dumps(published)},\n  "types": {{\n{lines}\n  }}\n}}\n'


def _facts(entry: Entry) -> dict[str, object]:
    """One row of the table. The schema's keys differ from the files' names for 18 types, so only the names are used."""
    constants = entry["constant_fields"]
    columns = _columns_by_target(entry)
    facts: dict[str, object] = {
        "category": _category(constants),
        "identifier": constants.get("classification.identifier"),
        "identifier_from": None
        if "classification.taxonomy" in columns
        else _first(columns, "classification.identifier"),
        "classify": "exchange" if "classification.taxonomy" in columns else None,
        "transport": constants.get("protocol.transport"),
        "side": _SIDES[_first(columns, "source.ip") or "ip"],
        "domain_from": columns.get("source.fqdn"),
        "url_from": columns.get("source.url"),
    }
    facts.update(_OUR_CHOICES.get(entry["file_name"], {}))
    return {name: value for name, value in facts.items() if value}


def _columns_by_target(entry: Entry) -> dict[str, list[str]]:
    columns: dict[str, list[str]] = {}
    for target, column, *_ in entry["required_fields"] + entry["optional_fields"]:
        columns.setdefault(target, []).append(column)
    return columns


def _first(columns: Mapping[str, list[str]], target: str) -> str | None:
    return columns[target][0] if target in columns else None


def _category(constants: Mapping[str, str]) -> str | None:
    if "classification.type" not in constants:
        return None
    category = f"{constants['classification.taxonomy']}/{constants['classification.type']}"
    return _RENAMED_CATEGORIES.get(category, category)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.stdout.write(as_text(*(Path(path).read_text(encoding="utf-8") for path in sys.argv[1:])))
