"""What is signed and encrypted: the inside of a mail, apart from the headers that carry it (RFC 8551, 3156, 1847)."""

import base64
import re
from email.header import Header

import msgspec

NEW_LINE = b"\r\n"
ENCODED_BYTES_A_LINE = 57
"""76 characters."""

_HEADER_END = b"\r\n\r\n"
_NEXT_HEADER = re.compile(rb"\r\n(?![ \t])")
_OF_THE_INSIDE = (b"content-type:", b"content-transfer-encoding:", b"content-disposition:")
_SUBJECT = b"subject:"


class Opened(msgspec.Struct, frozen=True):
    """A mail in two: its headers, each with its line end, and its inside, which begins with headers of its own."""

    headers: tuple[bytes, ...]
    inside: bytes

    @property
    def content(self) -> bytes:
        return b"".join(self.headers) + self.inside


def opened(content: bytes) -> Opened:
    """A mail whose lines end with CR LF."""
    head, _, body = content.partition(_HEADER_END)
    fields = [field + NEW_LINE for field in _NEXT_HEADER.split(head)]
    inside = [field for field in fields if field.lower().startswith(_OF_THE_INSIDE)]
    headers = tuple(field for field in fields if field not in inside)
    return Opened(headers, b"".join(inside) + NEW_LINE + body)


def with_subject(mail: Opened, subject: str) -> Opened:
    """The same mail with another subject on the outside, which fits on a line."""
    text = subject if subject.isascii() else Header(subject, "utf-8", header_name="Subject").encode(linesep="\r\n")
    line = f"Subject: {text}".encode("ascii") + NEW_LINE
    headers = tuple(line if field.lower().startswith(_SUBJECT) else field for field in mail.headers)
    return Opened(headers, mail.inside)


def subject_inside(mail: Opened, inside: bytes) -> bytes:
    """An inside that has the mail's own subject: programs that know protected headers show it (RFC 9788)."""
    own = b"".join(field for field in mail.headers if field.lower().startswith(_SUBJECT))
    kind, end, rest = inside.partition(NEW_LINE)
    return kind + b'; protected-headers="v1"; hp="cipher"' + end + own + rest


def signed_entity(inside: bytes, signature: bytes, *, boundary: str) -> bytes:
    """An inside beside its signature: everybody reads it, also who knows nothing of signatures."""
    separator = f"--{boundary}\r\n".encode()
    head = (
        'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256;\r\n'
        f' boundary="{boundary}"\r\n\r\n'
    ).encode()
    signed = separator + inside + NEW_LINE
    beside = (
        b'Content-Type: application/pkcs7-signature; name="smime.p7s"\r\nContent-Transfer-Encoding: base64\r\n'
        b'Content-Disposition: attachment; filename="smime.p7s"\r\n\r\n'
    )
    return head + signed + separator + beside + in_base64(signature) + f"--{boundary}--\r\n".encode()


def smime_entity(enveloped: bytes) -> bytes:
    head = (
        b'Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"\r\n'
        b'Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename="smime.p7m"\r\n\r\n'
    )
    return head + in_base64(enveloped)


def openpgp_entity(armoured: bytes, *, boundary: str) -> bytes:
    """`armoured`: a message in its armour, with lines that end in any way."""
    separator = f"--{boundary}\r\n".encode()
    head = (
        f'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted";\r\n boundary="{boundary}"\r\n\r\n'
    ).encode()
    version = b"Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n"
    message = (
        b'Content-Type: application/octet-stream; name="encrypted.asc"\r\n'
        b'Content-Disposition: inline; filename="encrypted.asc"\r\n\r\n'
    ) + NEW_LINE.join(armoured.splitlines())
    return head + separator + version + separator + message + NEW_LINE + f"--{boundary}--\r\n".encode()


def in_base64(content: bytes) -> bytes:
    lines = (
        base64.b64encode(content[start : start + ENCODED_BYTES_A_LINE])
        for start in range(0, len(content), ENCODED_BYTES_A_LINE)
    )
    return b"".join(line + NEW_LINE for line in lines)
