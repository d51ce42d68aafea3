"""A relay in front of the relay: no mail is tried to a domain that says it takes none (null MX, RFC 7505)."""

import time

from libs.common.dns import Dns, DnsFailed
from services.notifier.domain.meanings import Stage
from services.notifier.domain.message import Mail
from services.notifier.domain.replies import Answered, Reply
from services.notifier.gateway.relay import Relay

REMEMBERED_SECONDS = 3600.0
REMEMBERED_DOMAINS = 50_000

TAKES_NONE = Answered(556, "5.1.10 the domain says that it takes no mail (null MX)", Stage.RECIPIENT)


class CarefulRelay:
    """Asks the DNS once an hour for each domain. What it does not answer is the relay's to find out."""

    def __init__(self, relay: Relay, dns: Dns) -> None:
        self._relay = relay
        self._dns = dns
        self._known: dict[str, tuple[float, bool]] = {}

    async def deliver(self, mail: Mail) -> Reply:
        if await self._takes_none(mail.recipient.rpartition("@")[2]):
            return TAKES_NONE
        return await self._relay.deliver(mail)

    async def close(self) -> None:
        await self._relay.close()

    async def _takes_none(self, domain: str) -> bool:
        asked_at, answer = self._known.get(domain, (float("-inf"), False))
        if time.monotonic() - asked_at < REMEMBERED_SECONDS:
            return answer
        try:
            hosts = await self._dns.mail_hosts(domain)
        except DnsFailed:
            return False
        if len(self._known) >= REMEMBERED_DOMAINS:
            self._known.clear()
        takes_none = [each.host for each in hosts] == [""]
        self._known[domain] = time.monotonic(), takes_none
        return takes_none
