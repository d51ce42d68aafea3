"""Keys and passwords of one stack: made once, kept in its folder, readable by its owner only."""

import base64
import os
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.common.security import Operator, Role, new_api_key, sign_operator_token

LOCAL_ADMIN = Operator(name="local-admin", role=Role.ADMIN)
LOCAL_AUDITOR = Operator(name="local-reconciliation", role=Role.AUDITOR)
TOKEN_LIFE = timedelta(days=7)
STACK_LIFE = timedelta(days=3650)


class Keys:
    """The secrets in one folder; each is made when first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def partner_key(self) -> str:
        """API key of the ready-made partner `demo`."""
        return self._kept("partner-key", make=new_api_key)

    def link_key(self) -> str:
        """Signs the links in mails; the notifier and the feedback service share it."""
        return self._kept("link-key", make=lambda: secrets.token_urlsafe(32))

    def database_password(self, role: str) -> str:
        return self._kept(f"postgres-{role}", make=lambda: secrets.token_urlsafe(24))

    def operator_public_key(self) -> str:
        """Base64 of the 32 raw bytes of the Ed25519 key that checks operators' tokens."""
        return base64.b64encode(self._operator_key().public_key().public_bytes_raw()).decode()

    def admin_token(self, *, now: datetime) -> str:
        """A fresh operator token with the role `admin`, as the console would sign it."""
        return sign_operator_token(self._operator_key(), operator=LOCAL_ADMIN, now=now, expires=now + TOKEN_LIFE)

    def auditor_token(self) -> str:
        """What intake asks its siblings with. It stays the same, and good for as long as anybody keeps a stack."""
        return self._kept("auditor-token", make=self._new_auditor_token)

    def _new_auditor_token(self) -> str:
        now = datetime.now(UTC)
        return sign_operator_token(self._operator_key(), operator=LOCAL_AUDITOR, now=now, expires=now + STACK_LIFE)

    def _operator_key(self) -> Ed25519PrivateKey:
        text = self._kept("operator-key", make=_new_private_key)
        return Ed25519PrivateKey.from_private_bytes(base64.b64decode(text))

    def _kept(self, name: str, *, make: Callable[[], str]) -> str:
        path = self._folder / name
        if not path.exists():
            write_private(path, make())
        return path.read_text()


def _new_private_key() -> str:
    return base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read; readers see the old content or the new, never half of it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
