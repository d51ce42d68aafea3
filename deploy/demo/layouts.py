"""The demo's reports: Shadowserver's layouts and our own, and what each report finds."""

from deploy.demo.columns import REMOTE_DESKTOP, SCAN, SINKHOLE_EVENT
from deploy.demo.layout import Finding, Layout

SMB = Layout(
    report_type="scan_smb",
    ip_version=4,
    port="445",
    columns=(*SCAN, "arch", "key", "smb_major_number", "smb_minor_number", "smb_revision", "smb_version_string"),
    findings=(
        Finding(
            incident="open-smb",
            cells={
                "severity": "high",
                "tag": "smb",
                "smb_major_number": "2",
                "smb_minor_number": "1",
                "smb_version_string": "SMB 2.1",
            },
        ),
        Finding(
            incident="open-smb",
            cells={
                "severity": "high",
                "tag": "smb",
                "arch": "Windows Server 2012 R2",
                "smb_major_number": "3",
                "smb_minor_number": "0",
                "smb_version_string": "SMB 3.0",
            },
        ),
    ),
)
_RDP_FINDINGS = (
    Finding(
        incident="open-rdp",
        cells={
            "severity": "high",
            "tag": "rdp",
            "handshake": "",
            "rdp_protocol": "RDP",
            "subject_common_name": "KASSA-01",
            "issuer_common_name": "KASSA-01",
            "tlsv13_support": "N",
        },
    ),
    Finding(
        incident="open-rdp",
        cells={
            "severity": "high",
            "tag": "rdp",
            "rdp_protocol": "RDP, with network level authentication",
            "subject_common_name": 'SERVER "oud"',
            "issuer_common_name": 'SERVER "oud"',
            "tlsv13_support": "Y",
        },
    ),
)
RDP = Layout(
    report_type="scan_rdp", ip_version=4, port="3389", columns=(*SCAN, *REMOTE_DESKTOP), findings=_RDP_FINDINGS
)
RDP6 = Layout(
    report_type="scan6_rdp", ip_version=6, port="3389", columns=(*SCAN, *REMOTE_DESKTOP), findings=_RDP_FINDINGS
)
EXCHANGE = Layout(
    report_type="scan_exchange",
    ip_version=4,
    port="443",
    columns=(*SCAN, "version", "servername", "url"),
    findings=(
        Finding(
            incident="exchange-vulnerable",
            cells={
                "severity": "high",
                "tag": "exchange;cve-2023-21529",
                "version": "15.1.2308.27",
                "servername": "MAIL",
                "url": "/owa/auth/logon.aspx",
            },
        ),
        Finding(
            incident="exchange-vulnerable",
            cells={
                "severity": "high",
                "tag": "exchange,cve-2022-41040,cve-2022-41082",
                "version": "15.0.1497.2",
                "servername": "EXCH01",
                "url": "/owa/auth/logon.aspx",
            },
        ),
        Finding(
            incident="exchange-webshell",
            cells={
                "severity": "critical",
                "tag": "exchange;webshell",
                "version": "15.1.2176.2",
                "servername": "MAIL",
                "url": "/aspnet_client/supp0rt.aspx",
            },
        ),
    ),
)
ELASTICSEARCH = Layout(
    report_type="scan_elasticsearch",
    ip_version=4,
    port="9200",
    columns=(
        *SCAN,
        "version",
        "ok",
        "name",
        "cluster_name",
        "http_code",
        "build_hash",
        "build_timestamp",
        "build_snapshot",
        "lucene_version",
        "tagline",
    ),
    findings=(
        Finding(
            incident="open-elasticsearch",
            cells={
                "severity": "high",
                "tag": "elasticsearch",
                "version": "7.17.0",
                "name": "zoek-1",
                "cluster_name": "webshop, productie",
                "http_code": "200",
                "lucene_version": "8.11.1",
                "tagline": "You Know, for Search",
            },
        ),
    ),
)
TELNET6 = Layout(
    report_type="scan6_telnet",
    ip_version=6,
    port="23",
    columns=(*SCAN, "banner"),
    findings=(
        Finding(incident="open-telnet", cells={"severity": "high", "tag": "telnet", "banner": "|camera login:|"}),
        Finding(incident="open-telnet", cells={"severity": "high", "tag": "telnet", "banner": "=router> Login:"}),
    ),
)
_INFECTIONS = tuple(
    Finding(incident=incident, cells={"severity": severity, "infection": malware, "family": malware, "dst_port": port})
    for incident, severity, malware, port in (
        ("infected-system", "high", "tofsee", "80"),
        ("infected-system", "high", "dorkbot", "6667"),
        ("infected-system", "high", "glupteba", "443"),
        ("ransomware-precursor", "critical", "qakbot", "443"),
        ("ransomware-precursor", "critical", "cobalt-strike", "8443"),
    )
)
SINKHOLE = Layout(
    report_type="event4_sinkhole", ip_version=4, side="src_", columns=SINKHOLE_EVENT, findings=_INFECTIONS
)
SINKHOLE6 = Layout(
    report_type="event6_sinkhole", ip_version=6, side="src_", columns=SINKHOLE_EVENT, findings=_INFECTIONS
)
DNS = Layout(
    report_type="scan_dns",
    ip_version=4,
    protocol="udp",
    port="53",
    columns=(*SCAN, "dns_version", "min_amplification"),
    findings=(
        Finding(
            incident="ddos-amplifiers",
            cells={
                "severity": "medium",
                "tag": "openresolver",
                "dns_version": "dnsmasq-2.80",
                "min_amplification": "4.619",
            },
        ),
    ),
)
REDIS = Layout(
    report_type="scan_redis",
    ip_version=4,
    port="6379",
    columns=(
        *SCAN,
        "version",
        "git_sha1",
        "git_dirty_flag",
        "build_id",
        "mode",
        "os",
        "architecture",
        "multiplexing_api",
        "gcc_version",
        "process_id",
        "run_id",
        "uptime",
        "connected_clients",
    ),
    findings=(
        Finding(
            incident="open-redis",
            cells={
                "severity": "critical",
                "tag": "redis",
                "version": "5.0.7",
                "mode": "standalone",
                "os": "Linux 5.4.0-42-generic x86_64",
                "uptime": "864000",
                "connected_clients": "12",
            },
        ),
    ),
)
WEBSITE = Layout(
    report_type="compromised_website",
    ip_version=4,
    port="80",
    columns=(
        *SCAN,
        "application",
        "url",
        "http_host",
        "category",
        "system",
        "detected_since",
        "server",
        "redirect_target",
        "cc_url",
        "family",
        "status",
        "account",
        "detail",
        "public_source",
    ),
    findings=(
        Finding(
            incident="compromised-website",
            cells={
                "severity": "high",
                "tag": "hacked-webserver",
                "application": "http",
                "url": "/wp-includes/css/old/index.php",
                "category": "injection",
                "system": "WordPress",
                "server": "Apache",
            },
        ),
    ),
)
DEVICE_ID = Layout(
    report_type="device_id",
    ip_version=4,
    port="10443",
    columns=(*SCAN, "device_vendor", "device_type", "device_model", "device_version"),
    findings=(
        Finding(
            incident=None,
            cells={
                "severity": "info",
                "tag": "ssl,vpn",
                "device_vendor": "Fortinet",
                "device_type": "firewall",
                "device_model": "FortiGate",
            },
        ),
    ),
)
NEW_THING = Layout(
    report_type="scan_newthing",
    ip_version=4,
    port="4747",
    columns=(*SCAN, "flux_version", "flux_mode"),
    findings=(Finding(incident=None, cells={"severity": "medium", "tag": "newthing", "flux_mode": "1"}),),
)
NATIVE = Layout(
    report_type="tocsin-ndjson",
    ip_version=6,
    port="443",
    findings=(
        Finding(
            incident="zimbra-vulnerable",
            cells={"severity": "critical", "identifier": "zimbra-vulnerable", "cve_id": "CVE-2022-41352"},
        ),
        Finding(incident="stolen-credentials", cells={"severity": "high", "identifier": "leaked-credentials"}),
    ),
)
