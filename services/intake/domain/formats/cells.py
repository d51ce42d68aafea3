"""Single cells of other people's feeds: a wrong address sinks the record, a wrong piece of context is dropped."""

from libs.common.vocabulary import Transport
from services.intake.domain.records import Findings, quoted
from services.intake.domain.values import (
    NULL_WORDS,
    asn_of,
    domain_of,
    email_of,
    hostname_of,
    ip_of,
    single_address,
    transport_of,
    url_of,
)

_MAX_ADDRESS_CHARS = 64


def read_ip(text: str, column: str, findings: Findings) -> str | None:
    if not text or text == "0":
        return None
    ip = ip_of(text) if len(text) <= _MAX_ADDRESS_CHARS else None
    if ip is None and "/" in text[:_MAX_ADDRESS_CHARS]:
        return _of_network(text[:_MAX_ADDRESS_CHARS], column, findings)
    if ip is None:
        findings.reject(column, "invalid-ip", f"{quoted(text)} is not an IP address")
    return ip


def _of_network(text: str, column: str, findings: Findings) -> str | None:
    """The one address of a network; the blocklist report has larger ones, which name nobody to warn."""
    ip = single_address(text)
    if ip is None:
        findings.reject(column, "invalid-network", f"{quoted(text)} is not a network")
    elif not ip:
        findings.reject(column, "network-too-large", f"{quoted(text)} is more than a single address")
    return ip or None


def read_email(text: str, column: str, findings: Findings) -> str | None:
    return _required(text, email_of(text), column, findings, code="invalid-email", what="an e-mail address")


def read_domain(text: str, column: str, findings: Findings) -> str | None:
    return _required(text, domain_of(text), column, findings, code="invalid-domain", what="a domain")


def read_url(text: str, column: str, findings: Findings) -> str | None:
    return _required(text, url_of(text), column, findings, code="invalid-url", what="an http, https or ftp URL")


def _required(text: str, read: str | None, column: str, findings: Findings, *, code: str, what: str) -> str | None:
    if text and read is None:
        findings.reject(column, code, f"{quoted(text)} is not {what}")
    return read


def read_transport(text: str, column: str, findings: Findings) -> Transport | None:
    transport = transport_of(text)
    if transport is None and text.strip().lower() not in NULL_WORDS:
        findings.discard(column, text, "is not a transport protocol")
    return transport


def read_hostname(text: str, column: str, findings: Findings) -> str | None:
    if text in NULL_WORDS:
        return None
    hostname = hostname_of(text[:255])
    if hostname is None:
        findings.discard(column, text, "is not a host name")
    return hostname


def read_asn(text: str, column: str, findings: Findings) -> int | None:
    if text in NULL_WORDS:
        return None
    asn = asn_of(text.strip()[:32])
    if asn is None and text.strip() not in NULL_WORDS:
        findings.discard(column, text, "is not an AS number")
    return asn
