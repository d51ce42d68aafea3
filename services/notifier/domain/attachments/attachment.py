"""A file in a mail: named, bounded, and packed where it is large."""

import io
from collections.abc import Iterable
from itertools import chain
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import msgspec

PLAIN_BYTES = 1024 * 1024
"""What is larger is packed: tables of findings become a tenth of their size."""

MOST_BYTES = 32 * 1024 * 1024
"""No file has more than this in it when it is unpacked: 10,000 findings, each as long as it can be."""

BUFFERED_BYTES = 128 * 1024
"""As much may be on its way through the packer, and not be counted yet."""

PACKED_AT = (1980, 1, 1, 0, 0, 0)
"""The same findings make the same bytes, whenever they are packed."""


MAIL_BYTES = 10_000_000
"""Mail servers take as much, unless somebody has set them to less: Postfix 10,240,000, and others more."""

LETTER_BYTES = 250_000
"""A mail has less than this beside its files: headers, text and HTML."""

FURTHER_LETTER_BYTES = 25_000
"""Of each further letter in a round-up."""

IN_BASE64 = 78 / 57
"""Lines of 76 characters and their ends, for 57 bytes each."""


def room_in(mail_bytes: int, *, letters: int = 1, is_encrypted: bool = False) -> int:
    """How large all files of a mail may be together. What is encrypted is written in base64 once more."""
    left = mail_bytes - LETTER_BYTES - (letters - 1) * FURTHER_LETTER_BYTES
    return max(0, int(left / IN_BASE64 ** (2 if is_encrypted else 1)))


ROOM_BYTES = room_in(MAIL_BYTES)


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """`told` is how many findings are in it, the first ones."""

    name: str
    media_type: str
    content: bytes
    told: int

    @property
    def is_packed(self) -> bool:
        return self.media_type == "application/zip"


class Frame(msgspec.Struct, frozen=True):
    """What stands around the lines of a file, and between them."""

    head: bytes = b""
    between: bytes = b""
    tail: bytes = b""


def attachment_of(
    lines: Iterable[bytes],
    *,
    name: str,
    media_type: str,
    frame: Frame,
    room: int = ROOM_BYTES,
    plain: int = PLAIN_BYTES,
) -> Attachment:
    """A file with a line for each finding: as many as there is room for. As it is up to `plain` bytes, else packed."""
    lines, kept = iter(lines), list[bytes]()
    left = min(plain, room) - len(frame.head) - len(frame.tail) + len(frame.between)
    for line in lines:
        kept.append(line)
        left -= len(line) + len(frame.between)
        if left < 0:
            content, told = _packed(chain(kept, lines), name, frame, room=room)
            return Attachment(name=f"{name}.zip", media_type="application/zip", content=content, told=told)
    content = frame.head + frame.between.join(kept) + frame.tail
    return Attachment(name=name, media_type=media_type, content=content, told=len(kept))


def _packed(lines: Iterable[bytes], name: str, frame: Frame, *, room: int) -> tuple[bytes, int]:
    """Packed line by line, so that never more than what is packed is in memory; and how many lines are in it."""
    file, inner = io.BytesIO(), ZipInfo(name, PACKED_AT)
    inner.compress_type = ZIP_DEFLATED
    told, left = 0, MOST_BYTES - len(frame.head) - len(frame.tail)
    with ZipFile(file, "w") as archive, archive.open(inner, "w") as entry:
        entry.write(frame.head)
        for line in lines:
            left -= len(line) + len(frame.between)
            if left < 0 or file.tell() > room - BUFFERED_BYTES:
                break
            entry.write(frame.between + line if told else line)
            told += 1
        entry.write(frame.tail)
    return file.getvalue(), told
