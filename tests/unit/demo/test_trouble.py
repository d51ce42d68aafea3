"""What `FAULTS` can say, and whom it is said to."""

import pytest

from deploy.demo.trouble import PARTNER, PLACES, RELAY, Trouble, gentle, read_trouble
from deploy.local.complaints import Complaint
from libs.common.faults import FAULTS, Chance, chances_of


@pytest.mark.parametrize("text", ["", " ", ","])
def test_without_a_word_there_is_no_trouble(text: str) -> None:
    assert not read_trouble(text)


def test_a_name_strikes_wherever_it_can() -> None:
    armed = read_trouble("slow-publish:0.1,disk-full:0.5x2,relay-greylists:0.2,partner-stalls:1").armed
    everywhere = {"slow-publish": Chance(0.1)}
    assert armed == {
        "intake": everywhere | {"disk-full": Chance(0.5, most=2)},
        "verifier": everywhere,
        "attribution": everywhere,
        "notifier": everywhere,
        "feedback": everywhere,
        RELAY: {"relay-greylists": Chance(0.2)},
        PARTNER: {"partner-stalls": Chance(1.0)},
    }


def test_a_name_can_be_meant_for_one_place_only() -> None:
    assert read_trouble("notifier:crash-after-data:0.05").armed == {"notifier": {"crash-after-data": Chance(0.05)}}


def test_a_name_alone_has_a_gentle_chance() -> None:
    assert read_trouble("relay-dawdles").armed == {RELAY: {"relay-dawdles": gentle(FAULTS["relay-dawdles"])}}


def test_all_is_every_fault_wherever_it_can_strike() -> None:
    trouble = read_trouble("all")
    assert trouble.names == set(FAULTS)
    assert {place: set(chances) for place, chances in trouble.armed.items()} == {
        place: set(faults) for place, faults in PLACES.items()
    }


def test_in_all_no_service_dies_twice_of_the_same() -> None:
    crashes = [fault for name, fault in FAULTS.items() if name.startswith("crash-")]
    assert {gentle(fault).most for fault in crashes} == {1}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("crash-after-comit:0.1", r"no fault 'crash-after-comit'.*crash-after-commit, crash-after-data"),
        ("notifier:disk-full:0.1", r"no fault 'disk-full' of notifier"),
        ("slow-disk:7", r"can't be read: `slow-disk:7`"),
    ],
)
def test_what_is_no_fault_is_answered_with_a_sentence(text: str, said: str) -> None:
    with pytest.raises(Complaint, match=said):
        read_trouble(text)


def test_a_service_is_told_its_faults_as_it_reads_them() -> None:
    trouble = Trouble({"intake": {"disk-full": Chance(0.5, most=2), "slow-disk": Chance(0.25)}})
    assert chances_of(trouble.of("intake")) == trouble.armed["intake"]
    assert trouble.of("verifier") == ""


@pytest.mark.parametrize(
    ("text", "may"),
    [("relay-rejects", True), ("smtp-cut", True), ("crash-after-data", True), ("slow-publish", False), ("", False)],
)
def test_only_what_can_fail_a_mail_excuses_one_that_failed(text: str, may: bool) -> None:
    assert read_trouble(text).may_fail_mails is may
