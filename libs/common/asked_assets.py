"""An asset as a person asks for it: any spelling of its parts, several of which are one asset, as in one record."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import Query

from libs.common.addresses import canonical_domain, canonical_email, canonical_url, parse_ip
from libs.common.contracts import Asset
from libs.common.intervals import read_asn
from libs.common.problems import FieldError, Problem

LONGEST_VALUE = 2048
Value = Annotated[str | None, Query(max_length=LONGEST_VALUE)]


def asset_asked_for(given: Mapping[str, str | None]) -> Asset:
    """The asset in canonical form; raises a 422 problem that names each value that can't be read."""
    readers = {"ip": _ip, "domain": canonical_domain, "url": canonical_url, "asn": read_asn, "email": canonical_email}
    asked = {name: text for name in readers if (text := given.get(name)) is not None}
    values = {name: readers[name](text) for name, text in asked.items()}
    errors = [FieldError(name, f"invalid-{name}", f"This is not a {name}.") for name, v in values.items() if v is None]
    if errors or not values:
        detail = "Give one or more of ip, domain, url, asn and email."
        raise Problem(422, "not-valid", "The request is not valid", detail, errors=errors)
    return Asset(**values)  # type: ignore[arg-type]  # each reader gives what its field takes


def _ip(text: str) -> str | None:
    address = parse_ip(text.strip())
    return str(address) if address is not None else None
