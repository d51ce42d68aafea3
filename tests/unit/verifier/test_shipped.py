"""A broken advisory file stops the start with its name, the line, and what is wrong there."""

import msgspec
import pytest

from libs.common.errors import Fatal
from services.verifier.handlers.announcing import changed_event
from services.verifier.handlers.shipped import read_advisory

TEXTS = '''title = "A door is open"
what = """
Some lines that look like more than they are:
[matches]
slug = 3
"""
why = "Somebody may come in."
check = ["Look at it."]
act = [
  "Close it.",
  "Lock it.",
]
otherwise = "Ask."
sources = ["The carpenter"]
'''
HEAD = """slug = "open-door"
category = "vulnerable/vulnerable-system"
severity = "high"
state = "approved"
cve_ids = []

[matches]
identifiers = ["open-door"]

[[affected]]
name = "Door"
ranges = [{ below = "2" }]

[[affected]]
name = "Gate"
ranges = [{ from = "1", below = "2" }]

"""
FILE = f"{HEAD}[nl]\n{TEXTS}\n[en]\n{TEXTS}"


def test_a_sound_file_is_an_incident() -> None:
    incident = read_advisory("open-door.toml", FILE.encode())

    assert incident.slug == "open-door"
    assert [each.name for each in incident.affected] == ["Door", "Gate"]


@pytest.mark.parametrize(
    ("changed", "into", "line_with", "words"),
    [
        ('severity = "high"', 'severity = "hihg"', "hihg", "Invalid enum value 'hihg'"),
        ('slug = "open-door"', 'slugg = "open-door"', "slugg", "`slugg`"),
        ('identifiers = ["open-door"]', "identifiers = [3]", "[3]", "Expected `str`, got `int`"),
        ('identifiers = ["open-door"]', 'identifier = ["x"]', "identifier =", "unknown field `identifier`"),
        ('ranges = [{ from = "1", below = "2" }]', 'ranges = [{ below = "new" }]', "new", "`new` is no version"),
        ('name = "Gate"\n', "", 'from = "1"', "missing required field `name`"),
        ('  "Lock it.",\n', "  7,\n", "act = [", "Expected `str`, got `int`"),
        ('otherwise = "Ask."\n', "", "[nl]", "missing required field `otherwise`"),
        ("cve_ids = []", "cve_ids = [", "[matches]", "Invalid"),
        ("cve_ids = []", "cve_ids = [] []", "[] []", "Expected"),
    ],
)
def test_a_broken_file_names_the_line_and_what_is_wrong(changed: str, into: str, line_with: str, words: str) -> None:
    broken = FILE.replace(changed, into, 1)

    with pytest.raises(Fatal) as caught:
        read_advisory("open-door.toml", broken.encode())

    said = str(caught.value)
    near = next(number for number, line in enumerate(broken.splitlines(), 1) if line_with in line)
    assert "open-door.toml" in said
    assert words in said
    assert f"line {near}" in said or (into == "" and f"line {near - 1}" in said)


def test_a_table_that_is_missing_and_bytes_that_are_no_text_are_named_too() -> None:
    with pytest.raises(Fatal, match=r"open-door\.toml, line 1: .*`en`"):
        read_advisory("open-door.toml", f"{HEAD}[nl]\n{TEXTS}".encode())
    with pytest.raises(Fatal, match=r"open-door\.toml, line 2: this is not UTF-8"):
        read_advisory("open-door.toml", b'slug = "x"\n\xff')


def test_an_incident_says_which_person_has_approved_it_and_none_where_the_release_has() -> None:
    shipped = read_advisory("door.toml", FILE.encode())

    assert changed_event(shipped).approved_by == ""
    assert changed_event(msgspec.structs.replace(shipped, approver="eva")).approved_by == "eva"
    assert changed_event(msgspec.structs.replace(shipped, approver=None)).approved_by == ""
