"""Shadowserver's report types: what a row of each says, in a table that deploy/tools/shadowserver_types.py makes."""

import re
from importlib.resources import files

import msgspec


class ReportType(msgspec.Struct, frozen=True):
    """What all rows of a type have in common; the generator's docstring explains each field."""

    category: str | None = None
    identifier: str | None = None
    identifier_from: str | None = None
    classify: str | None = None
    transport: str | None = None
    side: str = ""
    domain_from: tuple[str, ...] = ()
    url_from: tuple[str, ...] = ()
    email_from: tuple[str, ...] = ()
    credentials: bool = False


class _Table(msgspec.Struct, frozen=True):
    published: str
    types: dict[str, ReportType]


REPORT_TYPES = msgspec.json.decode(files(__package__).joinpath("types.json").read_bytes(), type=_Table).types

_FILE_NAME = re.compile(
    r"(?:\d{4}-\d{2}-\d{2}-)?([a-z]\w{0,63})(?:-\w+)*\.(?:csv|json|ndjson|jsonl)(?:\.gz|\.zip|\.zst)?", re.ASCII
)
_TYPE_NAME = re.compile(r"[a-z]\w{0,63}", re.ASCII)


def type_of_file_name(file_name: str) -> str | None:
    """The report type in a name like `2026-03-01-scan_smb-netherlands-delayed.csv`; folders before it do not count."""
    match = _FILE_NAME.fullmatch(re.split(r"[/\\]", file_name)[-1].lower())
    return match[1] if match else None


def is_type_name(name: str) -> bool:
    return _TYPE_NAME.fullmatch(name) is not None
