"""Which targets share a mail."""

from libs.common.contracts import Recipient
from libs.common.references import is_reference
from libs.common.vocabulary import Severity
from services.notifier.domain.grouping import GroupingPolicy, Waiting, group
from services.notifier.domain.notification import State
from tests.unit.notifier.builders import recipient, target

POLICY = GroupingPolicy(approval_confidence=0.3, reference_key=b"key of the tests")


def waiting(
    *,
    to: Recipient | None = None,
    incident: str = "open-smb",
    severity: Severity = Severity.HIGH,
    confidence: float = 0.9,
    partner: str = "demo",
) -> Waiting:
    return Waiting(
        target_id=target().target_id,
        recipient=to or recipient(),
        incident=incident,
        severity=severity,
        confidence=confidence,
        partner=partner,
    )


def test_targets_of_one_recipient_and_incident_share_a_mail() -> None:
    first, second, third = waiting(), waiting(), waiting(incident="open-rdp")

    drafts = group([first, second, third], policy=POLICY)

    assert [draft.target_ids for draft in drafts] == [(first.target_id, second.target_id), (third.target_id,)]


def test_two_spellings_of_an_address_are_one_recipient() -> None:
    drafts = group([waiting(), waiting(to=recipient(email="INFO@jansen.example"))], policy=POLICY)

    assert len(drafts) == 1


def test_the_same_targets_always_become_the_same_notification() -> None:
    targets = [waiting(), waiting()]

    [once], [again] = group(targets, policy=POLICY), group(targets, policy=POLICY)

    assert once == again
    assert is_reference(once.reference)


def test_a_mail_is_as_urgent_as_its_worst_target_and_as_certain_as_its_least_certain() -> None:
    [draft] = group(
        [waiting(severity=Severity.LOW, confidence=0.4), waiting(severity=Severity.CRITICAL, confidence=0.9)],
        policy=POLICY,
    )

    assert draft.severity is Severity.CRITICAL
    assert draft.confidence == 0.4


def test_an_uncertain_recipient_waits_for_a_person() -> None:
    [certain] = group([waiting(confidence=0.3)], policy=POLICY)
    [uncertain] = group([waiting(), waiting(confidence=0.29)], policy=POLICY)

    assert certain.state is State.QUEUED
    assert uncertain.state is State.AWAITING_APPROVAL


def test_a_draft_knows_all_partners_so_that_a_brake_on_one_can_hold_it() -> None:
    [draft] = group([waiting(partner="b"), waiting(partner="a"), waiting(partner="b")], policy=POLICY)

    assert draft.partners == ("a", "b")
