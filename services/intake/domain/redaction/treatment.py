"""What a payload of each kind goes through: it is watched, and if there is a secret in it, written anew without."""

from collections.abc import Iterator

from services.intake.domain.delimited import MAX_ROW_BYTES
from services.intake.domain.json_values import holds_lines
from services.intake.domain.lines import with_head
from services.intake.domain.records import PayloadError
from services.intake.domain.redaction import json_texts, tables, typed_values
from services.intake.domain.redaction.rules import rules_of
from services.intake.domain.redaction.watching import Finding, Watch, finding_in_json, finding_names, finds_in_table

NOT_ACCEPTED = "secrets-not-accepted"
_OPENING_BYTES = 128 * 1024
_ALWAYS_LINES = frozenset({"tocsin-ndjson"})
_MARK_REACH_BYTES = 512


class Treatment:
    """Of one payload, in a format of the CSV or JSON family. It remembers whether more has to go than secrets."""

    def __init__(self, format_name: str, *, is_table: bool, charset: str | None) -> None:
        self._format_name = format_name
        self._is_table = is_table
        self._charset = charset
        self._rules = rules_of(format_name)
        self._before = b""
        self.must_be_guarded = False
        """Whether something came by because of which all evidence has to go."""

    def watch(self) -> Watch:
        return Watch(finds_in_table if self._is_table else self._noticing(finding_in_json(self._rules)))

    def rewritten(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """The payload without its secrets; all of it, from its beginning."""
        if self._is_table:
            return tables.redacted(chunks, format_name=self._format_name, charset=self._charset)
        return self._json(self._noticed(chunks), is_guarded=False)

    def guarded(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """The payload without secrets and evidence."""
        return self._json(chunks, is_guarded=True)

    def _json(self, chunks: Iterator[bytes], *, is_guarded: bool) -> Iterator[bytes]:
        opening, chunks = with_head(chunks, _OPENING_BYTES)
        if self._rules.has_typed_values:
            chunks = typed_values.redacted(chunks)
        has_lines = self._format_name in _ALWAYS_LINES or holds_lines(opening[:_OPENING_BYTES])
        return json_texts.redacted(chunks, self._rules, has_lines=has_lines, is_guarded=is_guarded)

    def _noticing(self, finds: Finding) -> Finding:
        def finds_and_notices(text: bytes) -> bool:
            self._notice(text)
            return finds(text)

        return finds_and_notices if self._rules.guarding else finds

    def _noticed(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._notice(self._before + chunk)
            self._before = (self._before + chunk)[-_MARK_REACH_BYTES:]
            yield chunk

    def _notice(self, text: bytes) -> None:
        guarding = self._rules.guarding
        self.must_be_guarded = self.must_be_guarded or bool(guarding and guarding.search(text))


def refuse_secrets(
    chunks: Iterator[bytes], format_name: str, *, is_table: bool, charset: str | None, place: str
) -> None:
    """Raises `PayloadError` for a file, within something that is kept as it came, that holds what must not be kept.

    URLs are no reason: what stands in them is taken out of what is read.
    """
    if is_table:
        opening, _ = with_head(chunks, MAX_ROW_BYTES)
        found = tables.may_hold_secrets(opening, format_name=format_name, charset=charset)
    else:
        found = _holds_secrets(chunks, format_name)
    if found:
        kind = "columns" if is_table else "fields"
        message = (
            f"the {format_name} in {place} has {kind} for secrets, and {place} can't be kept without them; push the "
            "file by itself, plain or in gzip or zstd: its secrets are taken out then, and the rest is read"
        )
        raise PayloadError(422, NOT_ACCEPTED, message)


def _holds_secrets(chunks: Iterator[bytes], format_name: str) -> bool:
    rules = rules_of(format_name)
    finds_names = finding_names(rules)

    def finds(text: bytes) -> bool:
        return finds_names(text) or (rules.guarding is not None and rules.guarding.search(text) is not None)

    watch = Watch(finds)
    return any(watch.sees(chunk) for chunk in chunks) or watch.sees_at_the_end()
