"""Reading RIPE's split dumps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.delegated import country_code
from libs.common.intervals import Space, read_asn
from services.attribution.domain.ripe.objects import plain_form
from services.attribution.domain.ripe.reading import Kind, read_block, read_mailbox
from tests.unit.attribution.dumps import one_range, ranges, read, rows

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


def skipped(text: str) -> str:
    """Why the one object in the text was left out."""
    found = read(text)
    assert not any(batch.rows for batch in found.batches.values())
    ((reason, count),) = found.skipped.items()
    assert count == 1
    return reason


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
    assert (found.contact, found.organisation) == ("AR1-RIPE", "ORG-A-RIPE")


def test_placeholders_are_read_as_absent() -> None:
    assert one_range("inetnum: 192.0.2.0/24\nabuse-c: DUMY-RIPE\nsource: RIPE\n").contact is None
    assert skipped("role: A\nnic-hdl: A-RIPE\nabuse-mailbox: unread@ripe.net\nsource: RIPE\n") == "role-without-mailbox"


def test_a_nul_byte_never_reaches_a_value() -> None:
    found = one_range("inetnum: 192.0.2.0/24\nnetname: A\x00B\x1b[0m\nsource: RIPE\n")
    assert found.netname == "A B [0m"


def test_windows_line_ends_part_objects_too() -> None:
    text = "inetnum: 192.0.2.0/24\r\nsource: RIPE\r\n\r\ninetnum: 192.0.3.0/24\r\nsource: RIPE\r\n"
    assert len(ranges(read(text))) == 2


def test_a_comment_above_an_object_does_not_hide_it() -> None:
    assert len(ranges(read("% made today\ninetnum: 192.0.2.0/24\nsource: RIPE\n"))) == 1


def test_what_stands_behind_the_source_is_read_too() -> None:
    text = "inetnum: 192.0.2.0/24\nsource: RIPE\nnetname: A\nabuse-c: AR-RIPE\nremarks: x\n"
    assert (one_range(text).netname, one_range(text).contact) == ("A", "AR-RIPE")


def test_latin_1_and_utf_8_are_told_apart() -> None:
    text = "inetnum: 192.0.2.0/24\nnetname: BÄCKEREI\nsource: RIPE\n"
    for encoding in ("latin-1", "utf-8"):
        (found,) = ranges(read_block(text.encode(encoding)))
        assert found.netname == "BÄCKEREI", encoding


LINES = [
    "netname: A",
    "NetName: B",
    "descr: one # a comment",
    "descr: two",
    "descr: three\n  folded",
    "descr: four\n+ more",
    "descr: five\n+",
    "descr: six\n\tfolded by a tab",
    "country : nl",
    "country: be",
    "% a comment",
    "mnt-by: A-MNT, ripe-ncc-hm-mnt",
    "remarks: x",
    "abuse-c: AR-RIPE",
    "no key",
    "source: RIPE # Filtered",
    "status: ASSIGNED PA",
]


@pytest.mark.parametrize("line", LINES)
def test_the_short_way_reads_of_each_line_what_the_long_way_reads(line: str) -> None:
    require_both_ways_to_read_the_same([line])


@given(st.lists(st.sampled_from(LINES), max_size=12))
def test_the_short_way_reads_of_many_lines_what_the_long_way_reads(lines: list[str]) -> None:
    require_both_ways_to_read_the_same(lines)


def require_both_ways_to_read_the_same(lines: list[str]) -> None:
    text = "\n".join(("inetnum: 192.0.2.0 - 192.0.2.255", *lines, "source: RIPE", ""))
    assert ranges(read(text)) == ranges(read(plain_form(text.replace("\t", " "))))


def test_the_last_object_needs_no_empty_line() -> None:
    assert len(ranges(read("inetnum: 192.0.2.0/24\nsource: RIPE"))) == 1


def test_a_mailbox_with_names_comments_and_several_addresses_gives_its_first_usable_one() -> None:
    assert read_mailbox("Abuse Desk <abuse@ISP.example>, second@isp.example") == "abuse@isp.example"
    assert read_mailbox("unread@ripe.net; abuse@isp.example") == "abuse@isp.example"
    assert read_mailbox("no-reply@isp.example") is None
    assert read_mailbox("removed@lacnic.net") is None
    assert read_mailbox("see our web site") is None


def test_persons_and_unknown_kinds_pass_without_a_word() -> None:
    found = read("person: Placeholder\nnic-hdl: DUMY-RIPE\nsource: RIPE\n\npoem: POEM-A\nsource: RIPE\n")
    assert (found.batches, found.skipped) == ({}, {})


def test_objects_of_other_registries_are_left_out() -> None:
    assert skipped("route: 192.0.2.0/24\norigin: AS64500\nsource: ARIN-GRS\n") == "other-source"
    assert skipped("route: 192.0.2.0/24\norigin: AS64500\n") == "other-source"


def test_a_broken_range_is_skipped_and_the_next_one_read() -> None:
    found = read("inetnum: 192.0.2.999\nsource: RIPE\n\ninetnum: 192.0.2.0/24\nsource: RIPE\n")
    assert found.skipped == {"unreadable-range": 1}
    assert len(ranges(found)) == 1


def test_an_inet6num_with_an_ipv4_range_is_broken() -> None:
    assert skipped("inet6num: 192.0.2.0/24\nsource: RIPE\n") == "unreadable-range"


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
        assert skipped(f"{text}\nsource: RIPE\n") == "container", text


def test_an_allocated_unspecified_of_a_slash_8_is_somebodys_network() -> None:
    text = "inetnum: 62.0.0.0 - 62.255.255.255\nstatus: ALLOCATED UNSPECIFIED\nsource: RIPE\n"
    assert one_range(text).status == "ALLOCATED UNSPECIFIED"


def test_ripe_maintainers_are_recognised_among_others_on_one_line() -> None:
    for line in ("mnt-by: A-MNT, ripe-ncc-hm-mnt", "mnt-lower: RIPE-NCC-END-MNT", "mnt-by: RIPE-NCC-LEGACY-MNT"):
        assert one_range(f"inetnum: 192.0.2.0/24\n{line}\nsource: RIPE\n").ripe_maintained, line


def test_routes_systems_organisations_and_roles_are_read() -> None:
    route = read("route6: 2001:db8::/32\norigin: as64500\nsource: RIPE\n").batches[Kind.ROUTE6]
    system = read("aut-num: AS64500\nas-name: ISP\norg: ORG-I-RIPE\nsource: RIPE\n")
    organisation = read("organisation: org-i-ripe\norg-name: ISP B.V.\ncountry: NL\nabuse-c: AR-RIPE\nsource: RIPE\n")
    role = read("role: Desk\nnic-hdl: ar-ripe\nabuse-mailbox: abuse@isp.example\nsource: RIPE\n")

    assert route.columns["first"].hex() == "20010db8" + 24 * "0"
    assert route.columns["last"].hex() == "20010db8" + 24 * "f"
    assert int.from_bytes(route.columns["origin"], "little") == 64500
    assert rows(system, Kind.AUT_NUM) == [("64500", "ISP", "ORG-I-RIPE", "")]
    assert rows(organisation, Kind.ORGANISATION) == [("ORG-I-RIPE", "ISP B.V.", "NL", "AR-RIPE")]
    assert rows(role, Kind.ROLE) == [("AR-RIPE", "Desk", "abuse@isp.example")]


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
