"""What mail programs make of HTML: only what Outlook for Windows, Gmail and their like show as it was meant.

Outlook renders with Word: tables, inline styles, no flex, no grid, no greatest width. Gmail cuts off what is longer
than 102 KB and may throw the style sheet away. Both show dark what was written light; what the style sheet says of that
is read by others (Apple, Thunderbird). So everything has to be there inline, and the style sheet only betters it.
"""

import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser

import msgspec

from tests.unit.feedback.test_colours import contrast

MOST_BYTES = 102 * 1024
"""Gmail shows no more than that of a mail."""

WIDEST_PX = 640
LEAST_CONTRAST = 4.5

TAGS: Mapping[str, frozenset[str]] = {
    "html": frozenset({"lang"}),
    "head": frozenset(),
    "meta": frozenset({"charset", "name", "content"}),
    "title": frozenset(),
    "style": frozenset(),
    "body": frozenset(),
    "div": frozenset({"lang"}),
    "table": frozenset({"role", "width", "align", "cellpadding", "cellspacing", "border"}),
    "tr": frozenset(),
    "td": frozenset({"align", "valign", "width", "colspan"}),
    "th": frozenset({"align", "valign", "width", "scope"}),
    "p": frozenset(),
    "h1": frozenset(),
    "h2": frozenset(),
    "ol": frozenset(),
    "ul": frozenset(),
    "li": frozenset(),
    "span": frozenset({"dir"}),
    "strong": frozenset(),
    "br": frozenset(),
    "a": frozenset({"href"}),
    "img": frozenset({"src", "alt", "width", "height"}),
}
"""Each tag with its attributes, beside `class` and `style`. Whatever runs, asks, loads or floats is not among them."""

UNDERSTOOD = frozenset(
    {
        "background-color", "border", "border-bottom", "border-collapse", "border-left", "border-top", "color",
        "font-family", "font-size", "font-weight", "line-height", "margin", "padding", "padding-left", "white-space",
        "width",
    }
)  # fmt: skip
"""What all of them know."""

BETTERED = frozenset(
    {"border-radius", "display", "max-height", "max-width", "mso-hide", "overflow", "overflow-wrap", "word-break"}
)
"""What some pass over, and the mail is whole without it."""

DISPLAYS = frozenset({"none", "inline-block"})
WEIGHTS = frozenset({"400", "700"})
"""Word knows thin and fat."""

VOID = frozenset({"meta", "br", "img"})
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_COMMENT = re.compile(r"\[if mso\]>(?:<table [^<>]*><tr><td>|</td></tr></table>)<!\[endif\]")
_DARK = re.compile(r"@media \(prefers-color-scheme: dark\) \{\n(.*?)\n\}", re.DOTALL)
_RULE = re.compile(r"((?:\.[a-z]+(?:, )?)+) \{ ([^}]*) \}")


class Shade(msgspec.Struct, frozen=True):
    """Ink and paper, as a reader of light and one of dark meets them."""

    ink: str = "#000000"
    paper: str = "#ffffff"
    dark_ink: str = "#000000"
    dark_paper: str = "#ffffff"


class Lint(HTMLParser):
    """Reads a mail's HTML and notes each fault in `faults`."""

    def __init__(self, html: str, *, own_url: str) -> None:
        super().__init__()
        html = html.replace("\r\n", "\n")
        self.faults: list[str] = []
        self._own_url = own_url
        self._dark = dict(_dark_rules(html))
        self._open: list[tuple[str, Shade]] = []
        self._link: tuple[str, str] | None = None
        self._style_sheets = 0
        self._is_hidden_below = 0
        if len(html.encode()) > MOST_BYTES:
            self.faults.append(f"{len(html.encode())} bytes")
        self.feed(html)
        self.close()
        if self._open:
            self.faults.append(f"left open: {self._open[-1][0]}")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag not in TAGS:
            self.faults.append(f"<{tag}>")
            return
        strange = attributes.keys() - TAGS[tag] - {"class", "style"}
        self.faults += [f"<{tag} {name}>" for name in sorted(strange)]
        self.faults += [f"<{tag}>: {fault}" for fault in _faults_of(tag, attributes)]
        style = dict(_declarations(attributes.get("style", "")))
        self.faults += [f"<{tag}>: {fault}" for fault in _faults_in_style(style)]
        self._meet(tag, attributes)
        if tag not in VOID:
            self._open.append((tag, self._shade(attributes, style)))
            if style.get("display") == "none":
                self._is_hidden_below = self._is_hidden_below or len(self._open)

    def _meet(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "html" and not attributes.get("lang"):
            self.faults.append("no language")
        if tag == "style":
            self._style_sheets += 1
        if tag == "a":
            self._link = (attributes.get("href", ""), "")

    def handle_endtag(self, tag: str) -> None:
        if self._is_hidden_below == len(self._open):
            self._is_hidden_below = 0
        if not self._open or self._open.pop()[0] != tag:
            self.faults.append(f"</{tag}> closes nothing")
        if tag == "a" and self._link is not None:
            address, text = self._link
            if address != text or not address.startswith(f"{self._own_url}/"):
                self.faults.append(f"a link to {address} that says {text}")
            self._link = None

    def handle_data(self, data: str) -> None:
        tag, shade = self._open[-1] if self._open else ("", Shade())
        if tag == "style":
            self.faults += [f"style sheet: {word}" for word in ("@import", "url(", "@font-face") if word in data]
            return
        if self._link is not None:
            self._link = (self._link[0], self._link[1] + data)
        if data.strip() and tag not in {"title", ""} and not self._is_hidden_below:
            self.faults += _faint(data, shade)

    def handle_comment(self, data: str) -> None:
        if not _COMMENT.fullmatch(data):
            self.faults.append(f"<!--{data[:40]}")

    def handle_decl(self, decl: str) -> None:
        if decl != "DOCTYPE html":
            self.faults.append(decl)

    def _shade(self, attributes: Mapping[str, str], style: Mapping[str, str]) -> Shade:
        """As it is around, unless said otherwise inline; in the dark, the style sheet's word counts more."""
        around = self._open[-1][1] if self._open else Shade()
        ink, paper = style.get("color"), style.get("background-color")
        dark: dict[str, str] = {}
        for name in attributes.get("class", "").split():
            dark |= self._dark.get(name, {})
        return Shade(
            ink=ink or around.ink,
            paper=paper or around.paper,
            dark_ink=dark.get("color") or ink or around.dark_ink,
            dark_paper=dark.get("background-color") or paper or around.dark_paper,
        )


def _faults_of(tag: str, attributes: Mapping[str, str]) -> Iterator[str]:
    if tag == "table" and attributes.get("role") not in {"presentation", "table"}:
        yield "no role"
    if tag == "img" and not attributes.get("alt", "").strip():
        yield "nothing in place of the picture"
    if tag == "img" and not attributes.get("src", "").startswith("cid:"):
        yield "a picture from elsewhere"
    if tag == "th" and attributes.get("scope") not in {"row", "col"}:
        yield "a heading of nothing"
    width = attributes.get("width", "0")
    if width.isdigit() and int(width) > WIDEST_PX:
        yield f"{width} px"
    for name, value in attributes.items():
        if name != "href" and re.search(r"https?:|//|url\(|javascript:", value):
            yield f"{name} leads elsewhere"


def _faults_in_style(style: Mapping[str, str]) -> Iterator[str]:
    for name, value in style.items():
        if name not in UNDERSTOOD | BETTERED:
            yield name
        if "!important" in value or "(" in value:
            yield f"{name}: {value}"
        if name in {"color", "background-color"} and not _COLOUR.fullmatch(value):
            yield f"{name}: {value}"
    if style.get("display", "none") not in DISPLAYS:
        yield f"display: {style['display']}"
    if style.get("font-weight", "400") not in WEIGHTS:
        yield f"font-weight: {style['font-weight']}"


def _faint(text: str, shade: Shade) -> Iterator[str]:
    """Text that can hardly be read: in the light, in the dark of the style sheet, or turned over by a program."""
    pairs = {
        "light": (shade.ink, shade.paper),
        "dark": (shade.dark_ink, shade.dark_paper),
        "turned over": (_turned_over(shade.ink), _turned_over(shade.paper)),
    }
    for name, (ink, paper) in pairs.items():
        if contrast(ink, paper) < LEAST_CONTRAST:
            yield f"faint in {name}: {text.strip()[:30]!r}, {ink} on {paper}"


def _turned_over(colour: str) -> str:
    """As programs do that know no dark style sheet: what was light is as dark, of the same hue."""
    channels = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    shift = 255 - max(channels) - min(channels)
    return "#" + "".join(f"{channel + shift:02x}" for channel in channels)


def _declarations(style: str) -> Iterator[tuple[str, str]]:
    for declaration in filter(str.strip, style.split(";")):
        name, _, value = declaration.partition(":")
        yield name.strip(), value.strip()


def _dark_rules(html: str) -> Iterator[tuple[str, dict[str, str]]]:
    """What the style sheet says for the dark, by class."""
    for block in _DARK.findall(html):
        for names, declarations in _RULE.findall(block):
            said = {name: value.removesuffix(" !important") for name, value in _declarations(declarations)}
            for name in names.split(", "):
                yield name.removeprefix("."), said
