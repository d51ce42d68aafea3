"""The internet of a test: sites and a registry over HTTPS, and a name server that says where they are, on this machine.

The gateways are the real ones, down to the sockets; only the addresses are not public.
"""

import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from libs.common.dns import NameServers
from services.attribution.gateway.connections import PublicTransport
from services.attribution.gateway.guard import Limits, Sources
from services.attribution.gateway.mail_exchange import DnsMailExchange
from services.attribution.gateway.rdap import RdapDomains
from services.attribution.gateway.sources import OutsideSource
from tests.certificates import certificate
from tests.name_server import NameServer, Zone
from tests.unit.attribution.outside.double import Body, WebServer
from tests.unit.attribution.outside.test_sources import REGISTRY, is_here, rdap_client, security_txt

LIMITS = Limits(seconds=10.0, per_second=1000.0)

WITH_ROLE_NAMES = """
[ladder]
rungs = ["registered", "learnt", "security-txt", "rdap-domain", "role-names", "rdap-network", "network", "as"]
"""


class Internet:
    """`web` has the pages of all hosts, by host and path; `names` knows them all."""

    def __init__(self, web: WebServer, names: NameServer, *, trust: ssl.SSLContext, folder: Path) -> None:
        self.web, self.names = web, names
        self._trust, self._folder = trust, folder

    def sources(self) -> Sources:
        """What one process asks: `security.txt`, the registry of domains, and whether a domain takes mail."""
        return Sources.of((source, LIMITS) for source in self._sources())

    def _sources(self) -> Sequence[OutsideSource]:
        dns = NameServers([self.names.place])
        transport = PublicTransport(dns, most_bytes=1 << 19, tls=self._trust, may_reach=is_here, insecure=True)
        site = security_txt(transport, self.web.port, self._folder)
        registry = RdapDomains(rdap_client(transport, self.web.port, self._folder))
        return site, registry, DnsMailExchange(dns)


@asynccontextmanager
async def internet(
    folder: Path, *, hosts: Sequence[str], pages: Mapping[str, tuple[str, Body]], zone: Zone
) -> AsyncIterator[Internet]:
    """`hosts` are at our web server, as the registry is."""
    known = (REGISTRY, *hosts)
    pem = certificate(folder, *known)
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(pem)
    names = NameServer({**{(host, "A"): ("127.0.0.1",) for host in known}, **zone})
    async with names.running(), WebServer(pages).running(tls=theirs) as web:
        yield Internet(web, names, trust=ssl.create_default_context(cafile=str(pem)), folder=folder)
