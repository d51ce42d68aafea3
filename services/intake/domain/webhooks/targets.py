"""Where a webhook may lead: to a public address over HTTPS, never to something of ours or of this machine.

What a name leads to can change, so the addresses are judged at every attempt, and the connection goes to one of those
that were judged (`gateway/webhooks.py`). Source: OWASP, Server-Side Request Forgery Prevention.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from libs.common.addresses import canonical_domain, is_public, parse_ip, text_of

MAX_URL_CHARS = 2000
DEFAULT_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Rules:
    """`ports`: those that may be named; none means that there are no webhooks. `insecure` is for tests and one machine:
    plain HTTP, any port, and addresses that are not public.
    """

    ports: frozenset[int] = frozenset({443, 8443})
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a webhook may not lead there."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that may be tried: `host` is a domain or an address in canonical form, `path` has the query too."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def url(self) -> str:
        return self.at(self.host)

    @property
    def authority(self) -> str:
        """As the `Host` header has it."""
        return _authority(self.host, self.port, scheme=self.scheme)

    @property
    def is_named(self) -> bool:
        """Whether the host is a name that has to be resolved."""
        return parse_ip(self.host) is None

    def at(self, address: str) -> str:
        """The same place, with this address for the host."""
        return f"{self.scheme}://{_authority(address, self.port, scheme=self.scheme)}{self.path}"


def _authority(host: str, port: int, *, scheme: str) -> str:
    shown = f"[{host}]" if ":" in host else host
    return shown if port == DEFAULT_PORTS[scheme] else f"{shown}:{port}"


def target_of(url: str, rules: Rules) -> Target | tuple[Refusal, ...]:
    """What a URL names, or everything that is wrong with it."""
    if len(url) > MAX_URL_CHARS or not (url.isascii() and url.isprintable()) or " " in url or "\\" in url:
        return (Refusal("webhook-url", f"write it as at most {MAX_URL_CHARS} ASCII characters, the rest as %XX"),)
    try:
        parts = urlsplit(url)
        port = DEFAULT_PORTS.get(parts.scheme, 0) if parts.port is None else parts.port
    except ValueError:
        return (Refusal("webhook-url", "this is no URL"),)
    host = _host(parts.hostname or "")
    refusals = tuple(_refusals(parts, host, port, rules))
    if refusals or host is None:
        return refusals
    query = f"?{parts.query}" if parts.query else ""
    return Target(scheme=parts.scheme, host=host, port=port, path=(parts.path or "/") + query)


def _host(text: str) -> str | None:
    """A domain, or an address spelt out; no number, short form or wildcard, which resolvers read as they like."""
    ip = parse_ip(text)
    if ip is not None:
        return text_of(ip)
    return None if text.startswith("*") else canonical_domain(text)


def _refusals(parts: SplitResult, host: str | None, port: int, rules: Rules) -> Iterator[Refusal]:
    schemes = ("https", "http") if rules.insecure else ("https",)
    if parts.scheme not in schemes:
        yield Refusal("webhook-scheme", f"it must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}")
    if host is None:
        yield Refusal("webhook-host", "its host must be a domain name, or an IP address that is spelt out")
    else:
        yield from address_refusals([host] if parse_ip(host) else [], rules)
    if not rules.insecure and port not in rules.ports:
        allowed = " or ".join(map(str, sorted(rules.ports)))
        yield Refusal("webhook-port", f"its port must be {allowed}" if allowed else "there are no webhooks here")
    if "@" in parts.netloc:
        yield Refusal("webhook-credentials", "no user or password may stand in it: the signature says who is asking")
    if "#" in parts.geturl():
        yield Refusal("webhook-url", "a fragment (#…) is never sent, so it must not be there")


def address_refusals(addresses: Sequence[str], rules: Rules) -> tuple[Refusal, ...]:
    """Of all addresses of a name, if a single one is not public: which of them is taken is up to the resolver."""
    if rules.insecure or all(_is_public(address) for address in addresses):
        return ()
    return (Refusal("webhook-address", "it leads to an address that is not a public one on the internet"),)


def _is_public(address: str) -> bool:
    ip = parse_ip(address)
    return ip is not None and is_public(ip)
