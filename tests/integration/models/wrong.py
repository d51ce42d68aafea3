"""Threats that were none: what becomes of their targets in mails, and the corrections. A part of `mails.py`."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.common.contracts import TargetAttributed as Target
from libs.common.vocabulary import Outcome
from services.notifier.domain.notification import State
from tests.integration.models.mail import UNSENT, WINDOW, Mail, Word, outcomes_of


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What had been received of this threat until then is void."""

    threat_id: UUID
    at: datetime
    corrects: bool

    def covers(self, target: Target) -> bool:
        return self.threat_id == target.threat_id and target.received_at <= self.at


class MailsThatMayBeWrong:
    """All mails, and what was withdrawn of them."""

    def __init__(self) -> None:
        self.all: list[Mail] = []
        self.said: Counter[Word] = Counter()
        self.refused: dict[UUID, str] = {}
        """Why a target is in no mail."""
        self.taken_out: set[UUID] = set()
        """Those of them that were in one."""
        self._withdrawals: list[Withdrawal] = []
        self._corrected: dict[tuple[UUID, UUID], Mail] = {}
        """By the mail that was wrong and the threat, the mail that says so."""

    def withdrawals_of(self, target: Target) -> list[Withdrawal]:
        return [each for each in self._withdrawals if each.covers(target)]

    def withdraw(self, withdrawal: Withdrawal, *, now: datetime) -> None:
        self._withdrawals.append(withdrawal)
        about = [
            mail
            for mail in self.all
            if mail.corrects is None and any(each.threat_id == withdrawal.threat_id for each in mail.targets)
        ]
        wrong = {mail.id: list(self._to_correct(mail)) for mail in about}
        for mail in about:
            self.take_out(mail)
            self._correct(mail, wrong[mail.id], now)

    def take_out(self, mail: Mail) -> None:
        """What was withdrawn, of a mail that nobody has in hand; a mail that nothing is left of is cancelled."""
        withdrawn = [each for each in mail.carried if self.withdrawals_of(each)]
        if mail.state not in UNSENT or not withdrawn:
            return
        if mail.is_settled:
            mail.left_out.update(each.target_id for each in withdrawn)
        elif mail.may_have_arrived:
            return
        else:
            mail.targets = [each for each in mail.targets if each not in withdrawn]
            self.refused |= {each.target_id: "withdrawn" for each in withdrawn}
            said = outcomes_of(withdrawn, Outcome.SUPPRESSED)
            self.taken_out.update(indicator_id for indicator_id, _ in said)
            self.said.update(said)
        if mail.carried:
            mail.weigh()
        else:
            mail.state, mail.next_at, mail.is_settled = State.CANCELLED, None, True

    def _to_correct(self, mail: Mail) -> Iterator[UUID]:
        if mail.may_have_arrived or mail.state is State.SENDING:
            for target in mail.targets:
                is_wrong = any(each.corrects for each in self.withdrawals_of(target))
                if is_wrong and (mail.id, target.threat_id) not in self._corrected:
                    yield target.threat_id

    def _correct(self, mail: Mail, threat_ids: list[UUID], now: datetime) -> None:
        """One correction says all that is withdrawn of a mail until it is closed."""
        if not threat_ids:
            return
        correction = next((each for each in self.all if each.corrects is mail and each.state is State.PLANNED), None)
        if correction is None:
            correction = Mail(mail.recipient, mail.incident, created_at=now, due_at=now + WINDOW, corrects=mail)
            correction.urgency, correction.is_settled = mail.urgency, True
            self.all.append(correction)
        correction.takes_back.update(threat_ids)
        self._corrected |= {(mail.id, threat_id): correction for threat_id in threat_ids}

    def is_corrected(self, mail: Mail, target: Target) -> bool:
        return (mail.id, target.threat_id) in self._corrected
