"""The pages agree with the code: every code that an API answers with is explained, and every link leads somewhere."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from libs.common.problems import TITLES

PROJECT = Path(__file__).resolve().parents[2]
PAGES = sorted([*PROJECT.glob("README.md"), *(PROJECT / "docs").rglob("*.md")])

CODE_AT = {
    "Problem": 1,
    "PayloadError": 1,
    "Refusal": 0,
    "Refused": 0,
    "Unreadable": 0,
    "Objection": 0,
    "Unproven": 0,
    "NotTaken": 0,
    "NoContact": 0,
    "Mistake": 1,
    "FieldError": 1,
    "Fault": 1,
    "RecordError": 2,
    "reject": 1,
    "warn": 1,
    "require": 1,
}
"""Where the code stands among the arguments, by the name of what is called; `code=` counts in any call."""

CODE = re.compile(r"[a-z]+(-[a-z0-9]+)*")
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(#[^)\s]*)?\)")
ROW = re.compile(r"^\| (`.*?`) \|", re.MULTILINE)
FALLBACK = "error"
"""What a refusal of the web framework is called whose status has no title in libs/common/problems.py."""


@cache
def codes() -> dict[str, str]:
    """Every code that stands in the source, with a place where it does."""
    found: dict[str, str] = {title.lower().replace(" ", "-"): "libs/common/problems.py" for title in TITLES.values()}
    for folder in ("libs", "services"):
        for path in sorted((PROJECT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                place = f"{path.relative_to(PROJECT)}:{getattr(node, 'lineno', 0)}"
                found |= {code: place for code in _codes_at(node) if CODE.fullmatch(code)}
    return found


def _codes_at(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=arguments, keywords=keywords):
            if name in CODE_AT and len(arguments) > CODE_AT[name]:
                yield from _texts(arguments[CODE_AT[name]])
            yield from (text for keyword in keywords if keyword.arg == "code" for text in _texts(keyword.value))
        case ast.FunctionDef(args=ast.arguments(kwonlyargs=names, kw_defaults=defaults)):
            pairs = zip(names, defaults, strict=True)
            yield from (text for name, default in pairs if name.arg == "code" and default for text in _texts(default))
        case ast.Assign(targets=[target], value=value) if "code" in _names(target):
            yield from _texts(value)


def _names(target: ast.expr) -> list[str]:
    """The variables that an assignment fills."""
    return [node.id for node in ast.walk(target) if isinstance(node, ast.Name)]


def _texts(value: ast.expr) -> Iterator[str]:
    """The texts that an expression can be; of one that makes a choice, all."""
    match value:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=body, orelse=otherwise):
            yield from (*_texts(body), *_texts(otherwise))
        case ast.Tuple(elts=[first, *_]):
            yield from _texts(first)


def explained() -> set[str]:
    """Every code in the first column of a table; one row may explain several."""
    rows = ROW.findall((PROJECT / "docs" / "problems.md").read_text())
    return {code for row in rows for code in re.findall(r"`([^`]+)`", row)}


def test_every_code_is_explained() -> None:
    missing = {code: place for code, place in codes().items() if code not in explained()}
    assert not missing, "docs/problems.md has no row for these; whoever gets such an answer looks there"


def test_no_code_is_explained_that_does_not_exist() -> None:
    assert explained() - codes().keys() - {FALLBACK} == set(), "docs/problems.md explains what nobody is ever told"


def test_codes_are_found_in_all_the_ways_in_which_the_source_names_them() -> None:
    """One for each pattern, so that a pattern that stops matching is noticed."""
    assert codes().keys() >= {
        "role-too-low",  # Problem(…)
        "broken-off",  # PayloadError(…)
        "no-header",  # a choice that is given a name first
        "network-too-large",  # the same, with the words for it
        "missing-field",  # a default
        "invalid-cve",  # findings.reject(…)
        "short-row",  # findings.warn(…)
        "invalid-port",  # code=…
        "unclosed-quote",  # a constant of a module
        "kvk-number-taken",  # a refusal that becomes a problem
        "method-not-allowed",  # of the web framework
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_link_leads_to_a_file(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    for target, anchor in LINK.findall(text):
        found = (page.parent / target).resolve() if target else page
        assert found.exists(), f"{page.name} links to {target}, which is not there"
        assert not anchor or anchor[1:] in anchors(found), f"{page.name} links to {target}{anchor}: no such heading"


def anchors(page: Path) -> set[str]:
    """The headings of a page as links name them: lower case, without punctuation, blanks as hyphens."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
