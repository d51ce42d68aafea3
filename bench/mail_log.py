"""What the mail counter has written down: when each mail was accepted."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class MailLog:
    """Reads on where it stopped. Times are Unix times."""

    path: Path
    times: list[float] = field(default_factory=list)
    first_to: dict[str, float] = field(default_factory=dict)
    """When the first mail to each recipient was accepted."""
    _offset: int = 0

    def read(self) -> "MailLog":
        with self.path.open("rb") as file:
            file.seek(self._offset)
            new = file.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.decode().splitlines():
            time, _, recipient = line.partition(" ")
            self.times.append(float(time))
            self.first_to.setdefault(recipient, float(time))
        return self
