"""A file in a mail: named, bounded, and packed where it is large."""

import io
from collections.abc import Iterable
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import msgspec

PLAIN_BYTES = 1024 * 1024
"""What is larger is packed: tables of findings become a tenth of their size."""

MOST_BYTES = 4 * 1024 * 1024
"""No file has more than this in it, so that two of them pass where mails of 10 MiB do, even if nothing packs."""

PACKED_AT = (1980, 1, 1, 0, 0, 0)
"""The same findings make the same bytes, whenever they are packed."""


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """`told` is how many findings are in it, the first ones."""

    name: str
    media_type: str
    content: bytes
    told: int


def attachment_of(
    lines: Iterable[bytes], *, name: str, media_type: str, head: bytes = b"", between: bytes = b"", tail: bytes = b""
) -> Attachment:
    """A file with a line for each finding: as many as there is room for."""
    kept: list[bytes] = []
    room = MOST_BYTES - len(head) - len(tail)
    for line in lines:
        room -= len(line) + len(between)
        if room < 0:
            break
        kept.append(line)
    content = head + between.join(kept) + tail
    if len(content) <= PLAIN_BYTES:
        return Attachment(name=name, media_type=media_type, content=content, told=len(kept))
    packed = _packed(content, name)
    return Attachment(name=f"{name}.zip", media_type="application/zip", content=packed, told=len(kept))


def _packed(content: bytes, name: str) -> bytes:
    file = io.BytesIO()
    with ZipFile(file, "w") as archive:
        archive.writestr(ZipInfo(name, PACKED_AT), content, compress_type=ZIP_DEFLATED)
    return file.getvalue()
