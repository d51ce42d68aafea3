"""Whether a domain takes mail: asked before an address at it is guessed."""

from libs.common.dns import Dns, DnsFailed
from services.attribution.domain.answers import MailExchange, Source
from services.attribution.gateway.sources import SourceFailed


class DnsMailExchange:
    """The domain's MX, by the DNS."""

    source = Source.MAIL_EXCHANGE

    def __init__(self, dns: Dns) -> None:
        self._dns = dns

    async def ask(self, subject: str) -> MailExchange:
        try:
            hosts = await self._dns.mail_hosts(subject)
        except DnsFailed as error:
            raise SourceFailed(str(error), is_its_own=True) from error
        return MailExchange(subject, any(each.host for each in hosts))

    async def close(self) -> None:
        return None
