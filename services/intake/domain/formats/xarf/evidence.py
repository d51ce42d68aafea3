"""The evidence in an XARF report: it is checked, and stays with the payload; nothing of it enters the indicator."""

import binascii
import hashlib
import re
from collections.abc import Mapping

from services.intake.domain.records import Findings

_MIB = 1024 * 1024
_MAX_ITEMS = 50
_MAX_ITEM_MIB = 5
_MAX_MIB = 15

_BLANKS = b" \t\r\n"  # a payload may be folded as in mail
_HASH = re.compile(r"(md5|sha1|sha256|sha512):([0-9a-f]{1,256})", re.ASCII | re.IGNORECASE)


def check_evidence(evidence: object, findings: Findings) -> None:
    """Note in `findings` what is wrong with the items; no message quotes any of them."""
    if evidence is None:
        return
    if not isinstance(evidence, list) or len(evidence) > _MAX_ITEMS:
        findings.reject("evidence", "invalid-evidence", f"evidence must be a list of at most {_MAX_ITEMS} items")
        return
    decoded_bytes = sum(_check(item, f"evidence[{at}]", findings) for at, item in enumerate(evidence))
    if decoded_bytes > _MAX_MIB * _MIB:
        findings.reject("evidence", "invalid-evidence", f"all evidence together is larger than {_MAX_MIB} MiB")


def _check(item: object, where: str, findings: Findings) -> int:
    """How many bytes the item holds."""
    if not isinstance(item, dict):
        findings.reject(where, "invalid-evidence", "the item must be an object")
        return 0
    if not isinstance(item.get("content_type"), str):
        findings.reject(f"{where}.content_type", "invalid-evidence", "the field is required, and a text")
    content = _content(item, f"{where}.payload", findings)
    if not content:  # also what the door has taken out, of which the hash says nothing
        return 0
    _check_hash(item.get("hash"), content, f"{where}.hash", findings)
    return len(content)


def _content(item: Mapping[str, object], field: str, findings: Findings) -> bytes | None:
    payload = item.get("payload")
    if not isinstance(payload, str):
        findings.reject(field, "invalid-evidence", "the field is required, and a text")
        return None
    if len(payload) > 2 * _MAX_ITEM_MIB * _MIB:
        findings.reject(field, "invalid-evidence", f"the item is larger than {_MAX_ITEM_MIB} MiB")
        return None
    try:
        content = binascii.a2b_base64(payload.encode("ascii").translate(None, _BLANKS), strict_mode=True)
    except ValueError:
        findings.reject(field, "invalid-evidence", "the payload is not base64")
        return None
    if len(content) > _MAX_ITEM_MIB * _MIB:
        findings.reject(field, "invalid-evidence", f"the item is larger than {_MAX_ITEM_MIB} MiB")
    return content


def _check_hash(said: object, content: bytes, field: str, findings: Findings) -> None:
    if said is None:
        return
    match = _HASH.fullmatch(said) if isinstance(said, str) else None
    if match is None:
        findings.warn(field, "value-discarded", "the value is not like 'sha256:' and hexadecimal digits")
    elif hashlib.new(match[1].lower(), content, usedforsecurity=False).hexdigest() != match[2].lower():
        findings.warn(field, "hash-mismatch", f"the payload has another {match[1].lower()}")
