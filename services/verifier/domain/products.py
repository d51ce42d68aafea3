"""Since when there are products, so that nobody is believed who says to have seen one before."""

from collections.abc import Iterable
from datetime import date

import msgspec

from libs.common.contracts import Product
from libs.common.toml_files import BrokenFile, FileFault, TomlFile
from services.verifier.domain.affected import is_called

MOST_REMEMBERED = 4_096


class KnownProduct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A product under all the names that records give it, and the year or month of its first public version.

    A name that it has now and had not then is still its name: what counts is the oldest that it had.
    """

    vendor: str | None = None
    name: str
    aliases: tuple[str, ...] = ()
    first_released: str

    def __post_init__(self) -> None:
        """Raises `ValueError`, which msgspec tells with its place."""
        _ = self.since

    @property
    def since(self) -> date:
        """Its first day; the earliest that there may be."""
        year, _, month = self.first_released.partition("-")
        if not (len(year) == 4 and len(month) in {0, 2} and (year + month).isdecimal()):
            raise ValueError(f"`{self.first_released}` is no year and no month, as 2008 and 2008-06 are")
        return date(int(year), int(month or "1"), 1)

    @property
    def called(self) -> str:
        return f"{self.name} by {self.vendor}" if self.vendor else self.name


class Products:
    """All of them. What was looked for is remembered: feeds repeat themselves."""

    def __init__(self, entries: Iterable[KnownProduct] = ()) -> None:
        self.entries = tuple(entries)
        self._found: dict[Product, KnownProduct | None] = {}

    def known_as(self, product: Product | None) -> KnownProduct | None:
        """None for one that nobody has written down."""
        if product is None or not product.name:
            return None
        if product not in self._found:
            if len(self._found) >= MOST_REMEMBERED:
                self._found.clear()
            names = ((each, (each.name, *each.aliases)) for each in self.entries)
            found = (each for each, known in names if is_called(product, known, vendor=each.vendor))
            self._found[product] = next(found, None)
        return self._found[product]


def parse_products(text: str) -> Products:
    """A file of `[[product]]`. Raises `BrokenFile` with each line that is wrong."""
    file = TomlFile(text)
    faults = [
        file.fault((name,), "there is no such section; write [[product]], once for each")
        for name, content in file.document.items()
        if name != "product" or not isinstance(content, list)
    ]
    entries: list[KnownProduct] = []
    if not faults:
        for number, entry in enumerate(file.document.get("product", ())):
            try:
                entries.append(msgspec.convert(entry, KnownProduct))
            except msgspec.ValidationError as error:
                faults.append(file.fault(("product", number), str(error)))
    faults += _named_twice(file, entries) if not faults else ()
    if faults:
        raise BrokenFile(faults)
    return Products(entries)


def _named_twice(file: TomlFile, entries: Iterable[KnownProduct]) -> Iterable[FileFault]:
    seen: set[tuple[str | None, str]] = set()
    for number, each in enumerate(entries):
        for name in (each.name, *each.aliases):
            if (each.vendor, name.lower()) in seen:
                yield file.fault(("product", number), f"`{name}` has been said before")
            seen.add((each.vendor, name.lower()))
