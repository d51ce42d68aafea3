"""The incidents that are shipped, and how indicators find theirs."""

import msgspec
import pytest

from libs.common.contracts import Advisory
from libs.common.vocabulary import IncidentState, Language, Severity
from services.intake.domain.formats.shadowserver.types import REPORT_TYPES
from services.verifier.domain import Catalogue, Incident, Matches
from services.verifier.domain.catalogue import Proposal
from services.verifier.handlers.shipped import read_shipped
from tests.reading_ease import reading_ease
from tests.unit.verifier.builders import INDICATOR, RDP, SMB

SHIPPED = read_shipped()
EASY = 60
"""What most grown-ups read without effort, in the measure of `reading_ease`."""
CATALOGUE = Catalogue(SHIPPED)

HACKED = {"category": "intrusions/system-compromise", "identifier": "compromised-website"}
EXPLOITED = {
    "fortinet-fortios": ("CVE-2022-40684", "CVE-2024-55591", "CVE-2025-24472", "CVE-2025-59718"),
    "ivanti-connect-secure": ("CVE-2024-21893", "CVE-2025-22457"),
    "citrix-netscaler": ("CVE-2025-6543", "CVE-2025-7775"),
    "confluence": ("CVE-2021-26084", "CVE-2023-22518", "CVE-2023-22527"),
    "zimbra-vulnerable": ("CVE-2022-27924", "CVE-2024-45519"),
    "f5-bigip": ("CVE-2022-1388", "CVE-2023-46747"),
    "vmware-vcenter": ("CVE-2021-22005", "CVE-2023-34048"),
    "file-transfer-servers": ("CVE-2023-0669", "CVE-2023-24489", "CVE-2024-50623", "CVE-2025-30406", "CVE-2025-31161"),
    "it-management-servers": (
        *("CVE-2022-47966", "CVE-2023-27350", "CVE-2023-35078", "CVE-2023-47246", "CVE-2023-48788", "CVE-2024-27198"),
        *("CVE-2024-29824", "CVE-2025-8875"),
    ),
    "web-software": (
        *("CVE-2022-22965", "CVE-2023-26360", "CVE-2024-4577", "CVE-2024-45195", "CVE-2025-24813", "CVE-2025-3248"),
        *("CVE-2025-32432", "CVE-2025-55182", "CVE-2025-61884"),
    ),
    "other-firewalls": ("CVE-2022-1040", "CVE-2023-2868", "CVE-2023-36844"),
    "fortimanager": ("CVE-2024-47575",),
    "fortiweb": ("CVE-2025-25257", "CVE-2025-58034", "CVE-2025-64446"),
    "wazuh": ("CVE-2025-24016",),
    "wso2": ("CVE-2022-29464",),
    "ivanti-csa-sentry": ("CVE-2021-44529", "CVE-2023-38035", "CVE-2024-8190", "CVE-2024-8963"),
    "phone-and-chat-servers": ("CVE-2023-32315", "CVE-2024-41713", "CVE-2025-57819"),
    "small-routers": ("CVE-2020-8515", "CVE-2023-1389", "CVE-2023-20118", "CVE-2024-12987"),
    "exchange-vulnerable": ("CVE-2021-42321", "CVE-2022-41080"),
    "open-redis": ("CVE-2022-0543",),
    "exposed-ics": ("CVE-2023-6448",),
}
"""Of which incidents once knew nothing."""

ADVISORIES = [
    pytest.param(incident, language, advisory, id=f"{incident.slug}-{language}")
    for incident in SHIPPED
    for language, advisory in incident.advisory.items()
]


def test_enough_are_shipped_in_every_language() -> None:
    assert len(SHIPPED) >= 60
    assert all(set(incident.advisory) == set(Language) for incident in SHIPPED)


def test_few_are_only_for_those_who_asked() -> None:
    """What tells of something small, of something past, or of what others say: noise to whoever did not ask."""
    assert {incident.slug for incident in SHIPPED if incident.opt_in} == {
        "blocklisted-address",
        "ddos-target",
        "mail-spoofing",
        "weak-tls",
    }


def test_nothing_is_claimed_by_two_incidents() -> None:
    claims = [
        claim
        for incident in SHIPPED
        for kind in ("cve_ids", "identifiers", "malware_names", "tags", "categories")
        for claim in ((kind, word) for word in getattr(incident.matches, kind))
    ]
    assert len(claims) == len(set(claims))


@pytest.mark.parametrize(("incident", "language", "advisory"), ADVISORIES)
def test_an_advisory_says_all_that_its_reader_needs(incident: Incident, language: Language, advisory: Advisory) -> None:
    assert 10 <= len(advisory.title) <= 70
    assert len(advisory.what) > 100
    assert len(advisory.why) > 80
    assert 2 <= len(advisory.check) <= 5
    assert 3 <= len(advisory.act) <= 7
    assert advisory.otherwise
    assert 2 <= len(advisory.sources) <= 4


@pytest.mark.parametrize(("incident", "language", "advisory"), ADVISORIES)
def test_an_advisory_is_calm_and_links_nowhere(incident: Incident, language: Language, advisory: Advisory) -> None:
    text = " ".join(
        (advisory.title, advisory.what, advisory.why, *advisory.check, *advisory.act, advisory.otherwise)
    ).lower()
    for word in (
        "!",
        "http://",
        "https://",
        "www.",
        "click here",
        "klik hier",
        "klicken sie hier",
        "act now",
        "bitcoin",
    ):
        assert word not in text, word


@pytest.mark.parametrize(("incident", "language", "advisory"), ADVISORIES)
def test_an_advisory_is_easy_to_read(incident: Incident, language: Language, advisory: Advisory) -> None:
    text = "\n".join((advisory.title, advisory.what, advisory.why, *advisory.check, *advisory.act, advisory.otherwise))
    assert reading_ease(text, language) >= EASY


def test_an_official_letter_is_not_easy_to_read() -> None:
    dutch = "Onderhavige kwetsbaarheid faciliteert ongeautoriseerde toegangsverschaffing tot informatiesystemen."
    german = "Unverzügliche Implementierung kompensierender Sicherheitsmaßnahmen ist zwingend erforderlich."
    english = (
        "Unauthenticated exploitation necessitates immediate implementation of compensating administrative controls."
    )

    assert reading_ease(dutch, Language.DUTCH) < 0
    assert reading_ease(english, Language.ENGLISH) < 0
    assert reading_ease(german, Language("de")) < 0
    assert reading_ease("Die Tür ist offen. Machen Sie sie zu.", Language("de")) > 85
    assert reading_ease("De deur staat open. Doe hem dicht.", Language.DUTCH) > 90


@pytest.mark.parametrize(
    ("changes", "slug"),
    [
        ({}, "open-smb"),
        ({"identifier": "open-rdp"}, "open-rdp"),
        ({"identifier": "vulnerable-http", "cve_ids": ("CVE-2023-3519",)}, "citrix-netscaler"),
        (
            {
                "category": "intrusions/system-compromise",
                "identifier": "exchange-server-webshell",
                "cve_ids": ("CVE-2021-26855",),
            },
            "exchange-webshell",
        ),
        ({"category": "malicious-code/infected-system", "identifier": "never-heard-of"}, "infected-system"),
        (
            {
                "category": "information-gathering/scanner",
                "identifier": "honeypot-smb-scan",
                "cve_ids": ("CVE-2021-44228",),
            },
            "attacking-system",
        ),
        (
            {"category": "intrusion-attempts/exploit", "identifier": "new-scan", "tags": ("toolshell",)},
            "attacking-system",
        ),
        ({"identifier": "vulnerable-http", "tags": ("toolshell",)}, "sharepoint-toolshell"),
        ({"category": "malicious-code/infected-system", "identifier": "x", "malware_name": "Lumma"}, "infostealer"),
        ({"category": "malicious-code/c2-server", "identifier": "x", "malware_name": "Lumma"}, "hijacked-server"),
        (
            {"category": "availability/ddos", "identifier": "honeypot-ddos-target", "malware_name": "mirai"},
            "ddos-target",
        ),
        ({"category": "other/other", "identifier": "sinkholedns", "malware_name": "necurs"}, "malware-dns-query"),
        (
            {"category": "malicious-code/infected-system", "identifier": "virut", "malware_name": "Virut"},
            "infected-windows",
        ),
        ({"identifier": "vulnerable-http", "tags": ("git-config-file",)}, "exposed-files"),
        (HACKED, "compromised-website"),
        (HACKED | {"tags": ("badcandy",)}, "cisco-ios-xe"),
        (HACKED | {"malware_name": "BadCandy"}, "cisco-ios-xe"),
        (HACKED | {"cve_ids": ("CVE-2024-27956",)}, "compromised-website"),
        (HACKED | {"tags": ("wordpress",), "malware_name": "unheard-of"}, "compromised-website"),
        (
            {"category": "malicious-code/malware-distribution", "identifier": "malware-url", "tags": ("toolshell",)},
            "compromised-website",
        ),
        ({"identifier": "accessible-amqp"}, "exposed-message-queues"),
        ({"identifier": "open-epmd"}, "exposed-message-queues"),
        ({"identifier": "open-natpmp"}, "open-natpmp"),
        ({"identifier": "open-ip-tunnel"}, "open-ip-tunnel"),
        ({"identifier": "missing-dmarc"}, "mail-spoofing"),
        ({"identifier": "mail-check", "tags": ("spoofable-domain",)}, "mail-spoofing"),
        ({"identifier": "subdomain-takeover"}, "dangling-dns"),
        ({"identifier": "dns-zone-transfer"}, "dangling-dns"),
        *(
            ({"identifier": "vulnerable-http", "cve_ids": (cve_id,)}, slug)
            for slug, cve_ids in EXPLOITED.items()
            for cve_id in cve_ids
        ),
    ],
)
def test_an_indicator_finds_its_incident(changes: dict[str, object], slug: str) -> None:
    found = CATALOGUE.incident_of(msgspec.structs.replace(INDICATOR, **changes))
    assert found is not None
    assert found.slug == slug


NOT_OF_ITS_OWN = {
    "vulnerable-http": "by its CVE or tag",
    "vulnerable-smtp": "by its CVE or tag",
    "special": "whatever Shadowserver sends once",
    "sandbox-conn": "where malware goes to, which may be anywhere",
    "sandbox-url": "the same",
    "accessible-bgp": "counted, and mostly meant to be so",
    "open-bgp": "for operators of networks, who know",
    "accessible-gtp": "for mobile operators, who know",
    "ip-spoofer": "for operators of networks, who know",
}
"""Types of Shadowserver's reports that tell of something wrong, and why none of our incidents is about them."""


def test_every_type_of_shadowserver_s_reports_that_tells_of_something_wrong_finds_an_incident() -> None:
    tells = {
        kind.identifier: kind.category
        for kind in REPORT_TYPES.values()
        if kind.identifier and kind.category and not kind.category.startswith("other/")
    }

    without = {
        identifier
        for identifier, category in tells.items()
        if not CATALOGUE.incident_of(msgspec.structs.replace(INDICATOR, identifier=identifier, category=category))
    }

    assert len(tells) > 60
    assert without == set(NOT_OF_ITS_OWN)


def test_what_is_only_proposed_is_held_and_yields_to_what_is_approved() -> None:
    proposal = Proposal(matches=Matches(identifiers=("new-thing", "open-rdp"), tags=("new",)))
    approved_rdp = msgspec.structs.replace(RDP, state=IncidentState.APPROVED)
    catalogue = Catalogue((msgspec.structs.replace(SMB, proposed=proposal), approved_rdp))

    found = {
        word: catalogue.incident_of(msgspec.structs.replace(INDICATOR, identifier=word))
        for word in ("open-smb", "new-thing", "open-rdp")
    }

    assert {word: (incident.slug, incident.state) for word, incident in found.items() if incident} == {
        "open-smb": ("open-smb", IncidentState.APPROVED),
        "new-thing": ("open-smb", IncidentState.DRAFT),
        "open-rdp": ("open-rdp", IncidentState.APPROVED),
    }


def test_a_draft_that_opened_by_itself_takes_nothing_from_another() -> None:
    draft = msgspec.structs.replace(SMB, slug="a", state=IncidentState.DRAFT, author="tocsin", advisory={})

    found = Catalogue((draft, SMB)).incident_of(INDICATOR)

    assert found is not None
    assert found.slug == "open-smb"


def test_what_nobody_knows_finds_none() -> None:
    unknown = msgspec.structs.replace(INDICATOR, category="other/undetermined", identifier="newthing")
    assert CATALOGUE.incident_of(unknown) is None


def test_severities_are_of_all_kinds() -> None:
    assert {incident.severity for incident in SHIPPED} >= {Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM}
