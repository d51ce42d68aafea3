"""As much of Redis' protocol as it takes to fill a queue and to ask who waits (RESP 2)."""

import socket
from pathlib import Path
from types import TracebackType


class Redis:
    """One connection to a server's socket file."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._answers = self._socket.makefile("rb")

    def __enter__(self) -> "Redis":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._answers.close()
        self._socket.close()

    def ask(self, *words: bytes) -> bytes:
        """Send a command; answers with a number, a status or a text as it stands. Raises `OSError` for an error."""
        lengths_and_words = (b"$%d\r\n%b\r\n" % (len(word), word) for word in words)
        self._socket.sendall(b"*%d\r\n%b" % (len(words), b"".join(lengths_and_words)))
        answer = self._answers.readline()
        kind, value = answer[:1], answer[1:].rstrip()
        if kind == b"$":
            return self._answers.read(int(value) + 2)[:-2]
        if kind not in {b"+", b":"}:
            raise OSError(f"Redis says {answer!r}")
        return value
