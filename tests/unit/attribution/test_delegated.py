"""Reading delegated-extended statistics."""

from datetime import date

from libs.common.delegated import Delegation, Skipped, Version, read_delegations

FILE = """\
2.3|ripencc|1732057200|4|19830705|20261119|+0100
ripencc|*|ipv4|*|2|summary
# a comment
ripencc|NL|ipv4|192.0.2.0|256|20100412|allocated|6f1e
ripencc|nl|ipv4|198.51.100.0|768|00000000|assigned|6f1e
ripencc|BE|ipv6|2001:db8::|32||allocated|77aa|e-stats
ripencc|DE|asn|64500|2|20100412|allocated|88bb
ripencc|EU|ipv4|203.0.113.0|256|20100412|allocated|99cc
ripencc||ipv4|203.0.113.0|256||available|
ripencc|NL|ipv4|broken|256|20100412|allocated|6f1e
ripencc|NL|ipv4|255.255.255.0|512|20100412|allocated|6f1e
ripencc|NL|poem|1|1|20100412|allocated|6f1e
ripencc|NL
"""


def read(text: str) -> list[Version | Delegation | Skipped]:
    return list(read_delegations(text.splitlines(keepends=True)))


def test_the_first_line_says_whose_the_file_is_and_of_which_day() -> None:
    assert read(FILE)[0] == Version(date(2026, 11, 19), registry="ripencc", records=4)


def test_counts_prefix_lengths_and_as_numbers_become_intervals() -> None:
    found = [(str(item.interval), item.country) for item in read(FILE) if isinstance(item, Delegation)]

    assert found == [
        ("192.0.2.0/24", "NL"),
        ("198.51.100.0 - 198.51.102.255", "NL"),
        ("2001:db8::/32", "BE"),
        ("AS64500 - AS64501", "DE"),
    ]


def test_what_has_no_holder_no_country_or_no_sense_is_counted() -> None:
    reasons = [item.reason for item in read(FILE) if isinstance(item, Skipped)]

    assert reasons == ["no-country", "not-held", *["unreadable-line"] * 4]
