"""Addresses that act as their name says."""

import pytest

from libs.common.addresses import canonical_email
from libs.common.simulator import ADDRESSES, Act, act_of, is_simulated


@pytest.mark.parametrize(("address", "act"), list(zip(ADDRESSES, Act, strict=True)))
def test_each_act_has_an_address_that_can_be_written_to(address: str, act: Act) -> None:
    assert canonical_email(address) == address
    assert is_simulated(address)
    assert act_of(address) is act
    assert act_of(address.upper()) is act


@pytest.mark.parametrize(
    "address", ["delivered@simulator.example", "simulator.invalid@x.example", "delivered@a.simulator.invalid"]
)
def test_an_address_elsewhere_is_a_real_one(address: str) -> None:
    assert not is_simulated(address)


def test_a_name_that_there_is_not_has_no_act() -> None:
    assert is_simulated("delivered+1@simulator.invalid")
    assert act_of("delivered+1@simulator.invalid") is None
