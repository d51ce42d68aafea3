"""The types of XARF v4: what a report of each must say, and what it means in our words.

Source: the schemas of XARF 4.2; a test compares this table with them where they are at hand.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from services.intake.domain.formats.json_fields import Fields
from services.intake.domain.formats.xarf.guarded import VIOLENCE
from services.intake.domain.formats.xarf.rules import (
    Rule,
    a_cve,
    a_port,
    a_text,
    a_time,
    a_url,
    an_email,
    at_least,
    one_of,
    one_with,
    some_of,
    texts,
)
from services.intake.domain.values import ip_of, refanged


@dataclass(frozen=True, slots=True)
class Kind:
    """One type: our category, the fields that it requires, and those that it requires only if `when`.

    A `guarded` report is about abused children: a person handles it, and nothing in it that leads to the material goes
    any further.
    """

    category: str
    requires: dict[str, Rule] = field(default_factory=dict)
    when: Callable[[Fields], bool] | None = None
    requires_then: dict[str, Rule] = field(default_factory=dict)
    guarded: bool = False


def _by_address(report: Fields) -> bool:
    return ip_of(refanged(report.raw("source_identifier"))) is not None


def _by_smtp(report: Fields) -> bool:
    return report.raw("protocol") == "smtp"


def _attack(category: str) -> Kind:
    """A connection of which only the address and the port together tell the customer behind a shared address."""
    requires = {"protocol": one_of("tcp udp icmp sctp"), "first_seen": a_time}
    return Kind(category, requires, when=_by_address, requires_then=_SOURCE_PORT)


def _visit(category: str, protocols: str = "tcp udp", **requires: Rule) -> Kind:
    return Kind(category, {"protocol": one_of(protocols), "first_seen": a_time, **requires})


def _message(protocols: str, **requires: Rule) -> Kind:
    smtp = {"smtp_from": an_email, **_SOURCE_PORT}
    required = {"protocol": one_of(protocols), **requires}
    return Kind("abusive-content/spam", required, when=_by_smtp, requires_then=smtp)


def _content(category: str, *, guarded: bool = False, **requires: Rule) -> Kind:
    """The URL is read, and judged, as part of the asset."""
    return Kind(category, requires, guarded=guarded)


def _copyright(**requires: Rule) -> Kind:
    return Kind("fraud/copyright", requires)


_SOURCE_PORT: dict[str, Rule] = {"source_port": a_port}
_SCANNER = "information-gathering/scanner"
_MASQUERADE = "fraud/masquerade"
_VULNERABLE = "vulnerable/vulnerable-system"

KINDS: dict[tuple[str, str], Kind] = {
    ("messaging", "spam"): _message("smtp sms whatsapp telegram signal chat social_media push_notification other"),
    ("messaging", "bulk_messaging"): _message(
        "smtp sms whatsapp telegram social_media push_notification other", recipient_count=at_least(100)
    ),
    ("content", "phishing"): _content("fraud/phishing"),
    ("content", "malware"): _content("malicious-code/malware-distribution"),
    ("content", "fraud"): _content(
        _MASQUERADE,
        fraud_type=one_of(
            "investment romance tech_support lottery advance_fee cryptocurrency shopping charity employment"
            " government_impersonation other"
        ),
    ),
    ("content", "brand_infringement"): _content(
        _MASQUERADE,
        infringement_type=one_of(
            "counterfeit typosquatting lookalike homograph unauthorized_reseller trademark_violation"
            " brand_impersonation logo_misuse other"
        ),
        legitimate_site=a_url,
    ),
    ("content", "suspicious_registration"): _content(
        _MASQUERADE,
        registration_date=a_time,
        suspicious_indicators=some_of(
            "typosquatting homograph_attack brand_keyword suspicious_tld bulk_registration privacy_protection"
            " suspicious_registrant fast_flux dga_pattern known_bad_nameserver suspicious_ssl_cert"
            " immediate_activation parked_page other"
        ),
    ),
    ("content", "remote_compromise"): _content(
        "intrusions/system-compromise",
        compromise_type=one_of(
            "webshell backdoor defacement malicious_redirect seo_spam cryptominer phishing_kit malware_host c2_server"
            " proxy scanner other"
        ),
    ),
    ("content", "exposed_data"): _content(
        "information-content-security/data-leak",
        data_types=some_of(
            "personal_information credentials financial medical government_id email_addresses phone_numbers api_keys"
            " database_dumps source_code internal_documents customer_data employee_data intellectual_property other"
        ),
        exposure_method=one_of(
            "misconfigured_server open_directory database_exposure git_repository backup_file log_file cloud_storage"
            " paste_site forum_post ransomware_leak intentional_leak other"
        ),
    ),
    ("content", "csam"): _content(
        VIOLENCE,
        guarded=True,
        classification=one_of("baseline A1 A2 B1 B2"),
        detection_method=one_of("hash_match ai_detection manual_review user_report automated_scan"),
    ),
    ("content", "csem"): _content(
        VIOLENCE,
        guarded=True,
        exploitation_type=one_of("grooming solicitation sextortion trafficking distribution production possession"),
        detection_method=one_of(
            "behavioral_analysis keyword_detection user_report ai_detection manual_review law_enforcement_referral"
        ),
    ),
    ("copyright", "copyright"): _copyright(infringing_url=a_url),
    ("copyright", "p2p"): _copyright(
        p2p_protocol=one_of("bittorrent edonkey gnutella kademlia other"),
        swarm_info=one_with("info_hash", "magnet_uri"),
    ),
    ("copyright", "cyberlocker"): _copyright(infringing_url=a_url, hosting_service=a_text),
    ("copyright", "link_site"): _copyright(infringing_url=a_url, site_name=a_text),
    ("copyright", "ugc_platform"): _copyright(infringing_url=a_url, platform_name=a_text),
    ("copyright", "usenet"): _copyright(newsgroup=a_text, message_info=one_with("message_id")),
    ("connection", "login_attack"): _attack("intrusion-attempts/brute-force"),
    ("connection", "port_scan"): _attack(_SCANNER),
    ("connection", "ddos"): _attack("availability/ddos"),
    ("connection", "sql_injection"): _visit("intrusion-attempts/exploit"),
    ("connection", "reconnaissance"): _visit(_SCANNER, probed_resources=texts),
    ("connection", "vulnerability_scan"): _visit(
        _SCANNER,
        "tcp udp icmp mixed",
        scan_type=one_of(
            "port_scan vulnerability_scan version_detection os_fingerprinting service_enumeration web_vuln_scan"
            " directory_brute_force mixed"
        ),
    ),
    ("connection", "scraping"): _visit("other/other", total_requests=at_least(1)),
    ("connection", "infected_host"): _visit(
        "malicious-code/infected-system",
        bot_type=one_of(
            "search_engine ai_agent monitoring seo_analyzer link_checker feed_reader social_media advertising malicious"
            " unknown"
        ),
    ),
    ("vulnerability", "cve"): Kind(_VULNERABLE, {"service": a_text, "service_port": a_port, "cve_id": a_cve}),
    ("vulnerability", "misconfiguration"): Kind(_VULNERABLE, {"service": a_text}),
    ("vulnerability", "open_service"): Kind("vulnerable/potentially-unwanted-accessible", {"service": a_text}),
    ("infrastructure", "botnet"): Kind("malicious-code/infected-system", {"compromise_evidence": a_text}),
    ("infrastructure", "compromised_server"): Kind("intrusions/system-compromise", {"compromise_method": a_text}),
    ("reputation", "blocklist"): Kind("other/blocklist", {"threat_type": a_text}),
    ("reputation", "threat_intelligence"): Kind("other/blocklist", {"threat_type": a_text}),
}
