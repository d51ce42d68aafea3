"""A relay in front of the relay: mail to `simulator.invalid` is answered here, and no connection is opened for it."""

from collections.abc import Mapping

import msgspec

from libs.common.simulator import Act, act_of, is_simulated
from services.notifier.domain.meanings import Stage
from services.notifier.domain.message import Mail
from services.notifier.domain.replies import Answered, Reply
from services.notifier.gateway.relay import Relay

ANSWERS: Mapping[Act, Answered] = {
    Act.DELIVERED: Answered(250, "2.0.0 simulated: delivered"),
    Act.BOUNCED: Answered(550, "5.1.1 simulated: there is no such mailbox"),
    Act.DEFERRED: Answered(451, "4.3.2 simulated: try again later"),
    Act.COMPLAINT: Answered(250, "2.0.0 simulated: delivered, and soon complained about"),
    Act.SILENT: Answered(250, "2.0.0 simulated: taken, and never heard of again"),
}
"""A complaint is the feedback service's to make, once it hears that the mail was sent."""

UNKNOWN = Answered(550, f"5.1.1 simulated: there is {', '.join(act.value for act in Act)}, and nothing else")


class SimulatingRelay:
    """Hands all other mail on. In a dry run it says no more than that it would take a mail, as the relay does."""

    def __init__(self, relay: Relay, *, dry_run: bool = False) -> None:
        self._relay = relay
        self._dry_run = dry_run

    async def deliver(self, mail: Mail) -> Reply:
        if not is_simulated(mail.recipient):
            return await self._relay.deliver(mail)
        act = act_of(mail.recipient)
        answer = UNKNOWN if act is None else ANSWERS[act]
        return msgspec.structs.replace(answer, at=Stage.RECIPIENT) if self._dry_run else answer

    async def close(self) -> None:
        await self._relay.close()
