"""The numbers and codes by which registers know organisations."""

import re

KVK_DIGITS = 8
COMPANY_NUMBER = re.compile(r"[A-Z]{2}:[0-9A-Za-z][0-9A-Za-z./-]{0,39}")
"""The country whose register it is, and the number as that register writes it. The Dutch one has a field of its own."""

SECTOR_CODE = re.compile(r"[a-z][a-z0-9.-]*:[0-9A-Za-z][0-9A-Za-z.]*")


def is_kvk_number(text: str) -> bool:
    return len(text) == KVK_DIGITS and text.isascii() and text.isdigit()


def is_company_number(text: str) -> bool:
    return COMPANY_NUMBER.fullmatch(text) is not None and not text.startswith("NL:")


def is_sector(text: str) -> bool:
    """A scheme with its version, and a code of it: `sbi-2008:56101`. Words are taken too, as they always were."""
    return ":" not in text or SECTOR_CODE.fullmatch(text) is not None
