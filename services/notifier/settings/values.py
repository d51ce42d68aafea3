"""How settings with several values are written."""

from collections.abc import Sequence


def listed(text: str) -> Sequence[str]:
    """What stands between commas."""
    return [part.strip() for part in text.split(",") if part.strip()]
