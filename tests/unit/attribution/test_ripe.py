"""Reading RIPE's split dumps."""

from libs.common.delegated import Skipped, country_code
from libs.common.intervals import Space, parse_interval, read_asn
from services.attribution.domain.ripe import (
    OrganisationObject,
    RangeObject,
    RipeObject,
    RoleObject,
    RouteObject,
    SystemObject,
    read_mailbox,
    read_objects,
)


def read(text: str) -> list[RipeObject | Skipped]:
    return list(read_objects(text.splitlines(keepends=True)))


def one_range(text: str) -> RangeObject:
    (found,) = read(text)
    assert isinstance(found, RangeObject)
    return found


BAKERY = """\
% This is a comment
# and so is this

inetnum:        192.0.2.0 - 192.0.2.127
netname:        BAKERY-EXAMPLE
descr:          Bakery Example B.V.
                Ovenstraat 1
+               Utrecht
\tNederland
country:        nl # also BE
org:            org-be1-ripe
admin-c:        DUMY-RIPE
abuse-c:        ar1-ripe
status:         assigned pa
mnt-by:         ISP-EXAMPLE-MNT
source:         RIPE # Filtered
"""


def test_a_range_is_read_with_everything_an_attribution_needs() -> None:
    found = one_range(BAKERY)

    assert str(found.interval) == "192.0.2.0/25"
    assert found.netname == "BAKERY-EXAMPLE"
    assert found.status == "ASSIGNED PA"
    assert not found.ripe_maintained


def test_folded_lines_are_joined_whatever_they_begin_with() -> None:
    assert one_range(BAKERY).description == "Bakery Example B.V. Ovenstraat 1 Utrecht Nederland"


def test_a_folded_handle_is_not_lost() -> None:
    text = "inetnum: 192.0.2.0/24\norg:\n        ORG-A-RIPE\nsource: RIPE\n"
    assert one_range(text).organisation == "ORG-A-RIPE"


def test_a_folded_line_belongs_to_the_last_of_several_values() -> None:
    text = "inetnum: 192.0.2.0/24\nmnt-by: A-MNT\nmnt-by: B-MNT,\n        RIPE-NCC-HM-MNT\nsource: RIPE\n"
    assert one_range(text).ripe_maintained


def test_a_line_folded_below_an_attribute_that_nobody_reads_goes_nowhere() -> None:
    text = "inetnum: 192.0.2.0/24\nnetname: A\nremarks: one\n  two\nsource: RIPE\n"
    assert one_range(text).netname == "A"


def test_comments_at_the_end_of_a_line_are_not_part_of_the_value() -> None:
    assert one_range(BAKERY).country == "NL"


def test_keys_and_handles_have_no_case() -> None:
    text = "INETNUM: 192.0.2.0/24\nNetName: A\nABUSE-C: ar1-ripe\nOrg: org-a-ripe\nSource: ripe\n"
    found = one_range(text)
    assert (found.abuse_contact, found.organisation) == ("AR1-RIPE", "ORG-A-RIPE")


def test_placeholders_are_read_as_absent() -> None:
    assert one_range("inetnum: 192.0.2.0/24\nabuse-c: DUMY-RIPE\nsource: RIPE\n").abuse_contact is None
    assert read("role: A\nnic-hdl: A-RIPE\nabuse-mailbox: unread@ripe.net\nsource: RIPE\n") == [
        Skipped("role-without-mailbox")
    ]


def test_a_nul_byte_never_reaches_a_value() -> None:
    found = one_range("inetnum: 192.0.2.0/24\nnetname: A\x00B\x1b[0m\nsource: RIPE\n")
    assert found.netname == "A B [0m"


def test_windows_line_ends_part_objects_too() -> None:
    assert len(read("inetnum: 192.0.2.0/24\r\nsource: RIPE\r\n\r\ninetnum: 192.0.3.0/24\r\nsource: RIPE\r\n")) == 2


def test_the_last_object_needs_no_empty_line() -> None:
    assert len(read("inetnum: 192.0.2.0/24\nsource: RIPE")) == 1


def test_a_mailbox_with_names_comments_and_several_addresses_gives_its_first_usable_one() -> None:
    assert read_mailbox("Abuse Desk <abuse@ISP.example>, second@isp.example") == "abuse@isp.example"
    assert read_mailbox("unread@ripe.net; abuse@isp.example") == "abuse@isp.example"
    assert read_mailbox("no-reply@isp.example") is None
    assert read_mailbox("removed@lacnic.net") is None
    assert read_mailbox("see our web site") is None


def test_persons_and_unknown_kinds_pass_without_a_word() -> None:
    assert read("person: Placeholder\nnic-hdl: DUMY-RIPE\nsource: RIPE\n\npoem: POEM-A\nsource: RIPE\n") == []


def test_objects_of_other_registries_are_left_out() -> None:
    assert read("route: 192.0.2.0/24\norigin: AS64500\nsource: ARIN-GRS\n") == [Skipped("other-source")]
    assert read("route: 192.0.2.0/24\norigin: AS64500\n") == [Skipped("other-source")]


def test_a_broken_range_is_skipped_and_the_next_one_read() -> None:
    found = read("inetnum: 192.0.2.999\nsource: RIPE\n\ninetnum: 192.0.2.0/24\nsource: RIPE\n")
    assert found[0] == Skipped("unreadable-range")
    assert isinstance(found[1], RangeObject)


def test_an_inet6num_with_an_ipv4_range_is_broken() -> None:
    assert read("inet6num: 192.0.2.0/24\nsource: RIPE\n") == [Skipped("unreadable-range")]


def test_containers_that_only_say_not_ours_are_left_out() -> None:
    containers = [
        "inetnum: 0.0.0.0 - 255.255.255.255\nnetname: IANA-BLK",
        "inetnum: 41.0.0.0 - 41.255.255.255\nnetname: NON-RIPE-NCC-MANAGED-ADDRESS-BLOCK",
        "inetnum: 62.0.0.0 - 65.255.255.255\nnetname: EU-ZZ\nstatus: ALLOCATED UNSPECIFIED",
        "inet6num: ::/0\nnetname: ROOT",
        "inetnum: 10.0.0.0 - 10.255.255.255\nnetname: PRIVATE",
        "inet6num: fe80::/10\nnetname: LINK-LOCAL",
    ]
    for text in containers:
        assert read(f"{text}\nsource: RIPE\n") == [Skipped("container")], text


def test_an_allocated_unspecified_of_a_slash_8_is_somebodys_network() -> None:
    text = "inetnum: 62.0.0.0 - 62.255.255.255\nstatus: ALLOCATED UNSPECIFIED\nsource: RIPE\n"
    assert isinstance(read(text)[0], RangeObject)


def test_ripe_maintainers_are_recognised_among_others_on_one_line() -> None:
    for line in ("mnt-by: A-MNT, ripe-ncc-hm-mnt", "mnt-lower: RIPE-NCC-END-MNT", "mnt-by: RIPE-NCC-LEGACY-MNT"):
        assert one_range(f"inetnum: 192.0.2.0/24\n{line}\nsource: RIPE\n").ripe_maintained, line


def test_routes_systems_organisations_and_roles_are_read() -> None:
    assert read("route6: 2001:db8::/32\norigin: as64500\nsource: RIPE\n") == [
        RouteObject(interval=parse_interval("2001:db8::/32"), origin=64500)  # type: ignore[arg-type]  # it parses
    ]
    assert read("aut-num: AS64500\nas-name: ISP\norg: ORG-I-RIPE\nsource: RIPE\n") == [
        SystemObject(asn=64500, name="ISP", organisation="ORG-I-RIPE", abuse_contact=None)
    ]
    assert read("organisation: ORG-I-RIPE\norg-name: ISP B.V.\ncountry: NL\nabuse-c: AR-RIPE\nsource: RIPE\n") == [
        OrganisationObject(handle="ORG-I-RIPE", name="ISP B.V.", country="NL", abuse_contact="AR-RIPE")
    ]
    assert read("role: Desk\nnic-hdl: ar-ripe\nabuse-mailbox: abuse@isp.example\nsource: RIPE\n") == [
        RoleObject(handle="AR-RIPE", name="Desk", mailbox="abuse@isp.example")
    ]


def test_a_range_need_not_be_a_block() -> None:
    found = one_range("inetnum: 192.0.2.3 - 192.0.2.77\nsource: RIPE\n")
    assert found.interval.space is Space.IPV4
    assert str(found.interval) == "192.0.2.3 - 192.0.2.77"


def test_a_flood_of_values_or_folded_lines_is_bounded() -> None:
    flood = "inetnum: 192.0.2.0/24\nsource: RIPE\n" + "mnt-by: A-MNT\n" * 5000 + "descr: x\n" + " more text\n" * 100_000
    assert len(one_range(flood).description) < 2000


def test_regions_and_fillers_are_no_countries() -> None:
    assert [country_code(text) for text in ("EU", "ZZ", "AP", "", "NLD", "N1", "be # x")] == [None] * 6 + ["BE"]


def test_as_numbers_are_bounded() -> None:
    assert read_asn("AS64500") == read_asn(" as64500 ") == read_asn("64500") == 64500
    assert [read_asn(text) for text in ("AS0", "AS4294967296", "ASx", "", "AS-1", "9" * 5000)] == [None] * 6
