"""What other people's programs make of a sealed mail: OpenSSL of S/MIME, GnuPG of OpenPGP."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def verified(mail: bytes, *, authority: Path, folder: Path) -> bytes | None:
    """What was signed, as OpenSSL gives it; None where it does not believe the signature."""
    (folder / "signed.eml").write_bytes(mail)
    trusting = ("-CAfile", str(authority), "-purpose", "smimesign")
    return _output("openssl", "cms", "-verify", "-in", str(folder / "signed.eml"), *trusting)


def opened_by_openssl(mail: bytes, *, key_file: Path, folder: Path) -> bytes | None:
    """What was encrypted to the certificate in this file, which has its key as well; None for somebody else's."""
    (folder / "encrypted.eml").write_bytes(mail)
    return _output("openssl", "cms", "-decrypt", "-in", str(folder / "encrypted.eml"), "-recip", str(key_file))


class GnuPg:
    """Somebody's GnuPG, with a key of its own."""

    def __init__(self, home: str, user_id: str) -> None:
        self._options = ("--homedir", home, "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "")
        made = _output("gpg", *self._options, "--quick-generate-key", user_id, "future-default", "default", "never")
        assert made is not None, "GnuPG makes no key"

    @property
    def public_key(self) -> str:
        return (_output("gpg", *self._options, "--armor", "--export") or b"").decode()

    def opens(self, armoured: bytes) -> bytes | None:
        """What was encrypted; None where it was to somebody else."""
        return _output("gpg", *self._options, "--decrypt", given=armoured)


@contextmanager
def gnupg(user_id: str) -> Iterator[GnuPg]:
    home = tempfile.mkdtemp(prefix="tocsin-gnupg-")  # its sockets take a short path
    try:
        yield GnuPg(home, user_id)
    finally:
        _output("gpgconf", "--homedir", home, "--kill", "all")
        shutil.rmtree(home, ignore_errors=True)


def _output(*command: str, given: bytes = b"") -> bytes | None:
    done = subprocess.run(command, input=given, capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None
