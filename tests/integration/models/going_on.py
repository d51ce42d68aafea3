"""What could not be delivered goes on: the part of the machine of `test_mail_states.py` that plays attribution.

Who is next is always the same for the same address, so that what goes on by itself meets what went on before it.
"""

from collections.abc import Sequence
from contextlib import suppress

import msgspec
from hypothesis import strategies as st

from libs.common.contracts import Continued, IndicatorSettled, Recipient
from libs.common.contracts import TargetAttributed as Target
from libs.common.errors import Permanent
from libs.common.ids import new_id
from services.notifier.domain.notification import State
from tests.integration.models.holding import Holding
from tests.integration.models.machine import step
from tests.integration.models.mail import Mail, was_said


class GoingOn(Holding):
    """Mails that bounced, and whom attribution names next."""

    def next_after(self, email: str) -> Recipient:
        """The next contact of whom this address is one."""
        raise NotImplementedError

    def check_answers(self, batch: Sequence[Target], answers: Sequence[IndicatorSettled]) -> None:
        raise NotImplementedError

    @step(weight=4, choice=st.integers(0, 1000), is_all=st.booleans(), is_kept=st.sampled_from([True, True, False]))
    async def go_on(self, choice: int, is_all: bool, is_kept: bool) -> None:
        """Attribution names the next contact for what could not be delivered: of a mail, or of all in one batch.

        Whoever plans it may die before the batch is kept.
        """
        bounced = [mail for mail in self.mails.all if self._goes_on(mail)]
        chosen = bounced if is_all else bounced[choice % len(bounced) :][:1] if bounced else []
        batch = [self._continued(mail, each) for mail in chosen for each in mail.carried if each.copy_of is None]
        if not batch:
            return
        with suppress(Permanent):
            async with self.office.database.transaction() as tx:
                answers = await self.office.plan(tx, batch)
                if not is_kept:
                    raise Permanent("roll it back")
            for mail in chosen:
                mail.has_gone_on = True
            self.check_answers(batch, answers)
        await self.check()

    def _goes_on(self, mail: Mail) -> bool:
        was_asked = any(self.mails.said[each.target_id, "unreachable"] for each in mail.carried)
        return mail.state is State.BOUNCED and was_asked and not mail.has_gone_on and not mail.is_given_up

    def _continued(self, mail: Mail, told: Target) -> Target:
        before = told.continued
        return msgspec.structs.replace(
            told,
            target_id=new_id(),
            recipient=self.next_after(mail.address),
            continued=Continued(
                target_id=before.target_id if before else told.target_id,
                notification_id=mail.id,
                reference="TOC-0000000000",
                failed=(*(before.failed if before else ()), mail.address),
                is_settled=mail.is_settled or was_said(told),
            ),
        )
