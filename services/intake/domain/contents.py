"""What a payload turns out to hold while it is read, beside its records."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Contents:
    """The names of its columns, and what its file says of itself: known at once, or for a mail once it is opened."""

    columns: tuple[str, ...] = ()
    report_type: str | None = None
    _files: int = field(default=0, init=False)

    def add_file(self, *, report_type: str | None, columns: tuple[str, ...]) -> None:
        """Tell of a file in it. Of several nothing is said: they need not be alike."""
        self._files += 1
        is_only = self._files == 1
        self.report_type = report_type if is_only else None
        self.columns = columns if is_only else ()
