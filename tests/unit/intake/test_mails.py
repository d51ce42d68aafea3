"""Which mails are one mail, and whose key an address holds."""

import re
from collections.abc import AsyncIterator

import pytest

from libs.common.security import KEY_PREFIX
from services.intake.api.letterbox import _refusal
from services.intake.domain.partners import MAIL_PREFIX, mail_key_of
from services.intake.domain.records import PayloadError
from services.intake.domain.submissions import Violation
from services.intake.handlers.accepting import Refused
from services.intake.handlers.mails import _key_of
from services.intake.handlers.partners import new_mail_key

MAIL = b"Received: by a\r\nMessage-ID: <1@example.org>\r\nSubject: x\r\n\r\nbody\r\n"
KEY = f"{MAIL_PREFIX}{'a2' * 16}"


async def key(mail: bytes, *, piece: int = 65_536) -> str | None:
    async def chunks() -> AsyncIterator[bytes]:
        for at in range(0, len(mail), piece):
            yield mail[at : at + piece]

    return await _key_of(chunks)


async def test_a_mail_that_came_another_way_is_the_same_mail() -> None:
    assert await key(MAIL) is not None
    assert await key(MAIL) == await key(b"Received: by b\r\n" + MAIL, piece=7)


@pytest.mark.parametrize("change", [(b"body", b"other"), (b"<1@", b"<2@")])
async def test_another_message_id_or_another_body_is_another_mail(change: tuple[bytes, bytes]) -> None:
    assert await key(MAIL.replace(*change)) != await key(MAIL)


@pytest.mark.parametrize(
    "mail", [MAIL.replace(b"Message-ID", b"X"), b"Message-ID: <1@example.org>", b"X: y\r\n" * 20_000 + MAIL]
)
async def test_a_mail_without_an_identity_has_no_key(mail: bytes) -> None:
    assert await key(mail) is None


@pytest.mark.parametrize("address", [f"{KEY}@x.example", f"{KEY.upper()}@X.example", f"{KEY.title()}@a@b"[:-4] + "@b"])
def test_an_address_may_lose_its_case(address: str) -> None:
    assert mail_key_of(address) == KEY


@pytest.mark.parametrize(
    "address",
    ["", "@", KEY, f"{KEY}x@x.example", f"{KEY[:-1]}@x.example", f"{KEY_PREFIX}abc@x.example", f"{KEY}\n@x.example"],
)
def test_other_addresses_hold_no_key(address: str) -> None:
    assert mail_key_of(address) is None


def test_a_new_key_for_mail_fits_an_address_and_opens_nothing_else() -> None:
    made = {new_mail_key() for _ in range(20)}

    assert len(made) == 20
    assert all(mail_key_of(f"{each}@x.example") == each for each in made)
    assert not any(each.startswith(KEY_PREFIX) for each in made)


@pytest.mark.parametrize(("status", "code"), [(503, 452), (408, 452), (413, 552), (415, 554), (422, 554), (400, 554)])
def test_what_may_go_well_later_is_not_refused_for_ever(status: int, code: int) -> None:
    assert _refusal(Refused(PayloadError(status, "x", "y"))).code == code


def test_a_refusal_says_in_one_line_what_is_wrong() -> None:
    found = Violation(code="invalid-ip", message="'x' is not\r\nan IP address", record=1, field="Source-IP")

    line = _refusal(Refused(PayloadError(422, "all-records-rejected", "none can be read"), (found,))).line.decode()

    assert re.fullmatch(
        r"554 5\.6\.0 none can be read \(all-records-rejected\): record 1, Source-IP: .*address\r\n", line
    )
    assert line.count("\r") == 1
