"""The free matter of a record: bounded, and without anything that could be somebody's secret."""

import re
from collections.abc import Iterable, Mapping

from libs.common.addresses import without_url_secrets
from libs.common.text import plain
from services.intake.domain.records import Findings, Notices

MAX_EXTRA_KEYS = 64
MAX_EXTRA_KEY_CHARS = 64
MAX_EXTRA_VALUE_CHARS = 1024
MAX_EXTRA_CHARS = 16 * 1024

# Long words betray a secret anywhere in a name (`new_password2`, `sessiontoken`); short ones only when they stand by
# themselves, or `shipping`, `bypass` and `monkey` would be secrets too. SNMP's community is its password. Partners call
# the columns of their own tables by words of their own language.
_SECRET_NAME = re.compile(
    r"passw|passphrase|secret|cookie|token|credential|session|^sample_records$|"
    r"wachtwoord|toegangscode|kennwort|geheim|mot[\W_]?de[\W_]?passe|contrase[nñ]a|"
    r"(?:^|[\W_])(?:pass|pwd|hash|salt|otp|pin|community|api_?key|private_?key|senha|has[lł]o)(?:$|[\W_]|\d)",
    re.IGNORECASE,
)

# Names that contain such a word and tell about a secret, a file or a program without giving a secret away.
_HARMLESS_NAME = re.compile(
    r"has_password|client_(?:long_password|can_handle_expired_passwords|session_track)|session_tags|"
    r"password_protected|credential_fields|session_duration|info_hash|"
    r"badsecret_(?:type|module|product|location)|"
    r"(?:file|binary|build|commit|git|config|payload|malware|sample|cert|favicon|page|body|html|event)_hash|"
    r"malware_hash_(?:md5|sha1|sha256)|imphash|ssdeep_hash",
    re.IGNORECASE,
)


def names_a_secret(name: str) -> bool:
    """Whether a column or key of this name holds passwords, hashes of passwords, session keys and the like."""
    return any(
        _SECRET_NAME.search(part) is not None and _HARMLESS_NAME.fullmatch(part) is None for part in name.split(".")
    )


def free_matter(
    members: Mapping[str, object], findings: Findings, *, notices: Notices, where: str = ""
) -> dict[str, str]:
    """The members of a JSON object as texts, without what may be a secret and without anything nested.

    `where` is their path in the record.
    """
    extra = {}
    for name, value in members.items():
        field = f"{where}{plain(name, MAX_EXTRA_KEY_CHARS)}"
        if names_a_secret(name):
            notices.warn_of_secret(field, findings=findings)
        elif isinstance(value, bool):
            extra[name] = str(value).lower()
        elif isinstance(value, str | int | float):
            extra[name] = str(value)
        elif value is not None:
            findings.warn(field, "value-discarded", "the value is nested")
    return extra


def bounded(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """At most 64 pairs, keys of 64, values of 1,024 and all together 16 Ki characters; `_truncated` says if more came.

    Empty values are left out, and so are secrets in the URLs of values.
    """
    extra: dict[str, str] = {}
    room = MAX_EXTRA_CHARS - len("_truncated" + "true")
    whole = True
    for name, text in pairs:
        if not text:
            continue
        key, value = plain(name, MAX_EXTRA_KEY_CHARS), _value(text)
        if not (key and value):
            continue
        fits = len(extra) < MAX_EXTRA_KEYS and len(key) + len(value) <= room
        whole = whole and fits and len(name) <= MAX_EXTRA_KEY_CHARS and len(text) <= MAX_EXTRA_VALUE_CHARS
        if fits:
            extra[key] = value
            room -= len(key) + len(value)
    return extra if whole else _marked_as_cut(extra)


def _marked_as_cut(extra: dict[str, str]) -> dict[str, str]:
    if len(extra) == MAX_EXTRA_KEYS:
        extra.popitem()
    return {**extra, "_truncated": "true"}


def _value(text: str) -> str:
    return plain(without_url_secrets(text), MAX_EXTRA_VALUE_CHARS, lines=True)
