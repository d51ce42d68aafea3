from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.verp import notification_at, notification_of, return_address, token_of

KEY = b"a key of sixteen bytes"
NOTIFICATION = UUID("0192f3a0-0000-7000-8000-000000000001")
ADDRESS = return_address(NOTIFICATION, domain="bounce.tocsin.example", key=KEY)


@given(st.uuids(), st.binary(min_size=16, max_size=64))
def test_a_token_names_its_notification_in_any_case(notification_id: UUID, key: bytes) -> None:
    token = token_of(notification_id, key)

    assert notification_of(token, key) == notification_of(token.upper(), key) == notification_id


@given(st.uuids(), st.integers(0, 39), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_a_changed_token_names_nothing(notification_id: UUID, place: int, character: str) -> None:
    token = token_of(notification_id, KEY)
    changed = token[:place] + character + token[place + 1 :]

    assert notification_of(changed, KEY) == (notification_id if changed == token else None)


@given(st.text(max_size=60))
def test_no_invented_token_names_anything(token: str) -> None:
    assert notification_of(token, KEY) is None


def test_a_token_of_another_key_names_nothing() -> None:
    assert notification_of(token_of(NOTIFICATION, b"another key of ours"), KEY) is None


def test_a_return_address_fits_and_is_of_one_case() -> None:
    local, _, domain = ADDRESS.rpartition("@")

    assert domain == "bounce.tocsin.example"
    assert len(local) <= 64
    assert ADDRESS.lower() == ADDRESS


@pytest.mark.parametrize("address", [ADDRESS, ADDRESS.upper(), f"prvs=0123abcdef={ADDRESS}"])
def test_a_bounce_finds_its_notification(address: str) -> None:
    assert notification_at(address, KEY) == NOTIFICATION


@pytest.mark.parametrize("address", ["", "b@bounce.example", "b+@bounce.example", f"x{ADDRESS}", f"b+x{ADDRESS[2:]}"])
def test_any_other_address_names_nothing(address: str) -> None:
    assert notification_at(address, KEY) is None
