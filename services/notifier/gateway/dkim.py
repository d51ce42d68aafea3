"""Signs what goes to the relay: the keys, from their files, and a relay in front of the relay."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from libs.common.errors import Fatal
from services.notifier.domain.dkim import DkimKey, DkimKeys
from services.notifier.domain.message import Mail
from services.notifier.domain.replies import Reply
from services.notifier.gateway.relay import Relay
from services.notifier.settings import NotifierSettings

RSA_BITS_LEAST = 2048


def read_key(file: Path, *, selector: str, since: datetime | None = None) -> DkimKey:
    """Raises `Fatal` for what is no private key in PEM, RSA of 2,048 bits or more or Ed25519."""
    try:
        key = load_pem_private_key(file.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Fatal(f"the DKIM key of the selector {selector} can't be read: {error}") from error
    if isinstance(key, Ed25519PrivateKey) or (isinstance(key, RSAPrivateKey) and key.key_size >= RSA_BITS_LEAST):
        return DkimKey(selector=selector, key=key, since=since)
    raise Fatal(f"the DKIM key of the selector {selector} is neither Ed25519 nor RSA of {RSA_BITS_LEAST} bits or more")


def dkim_keys_of(settings: NotifierSettings) -> DkimKeys | None:
    """The keys that the settings name; None where the relay is to sign, or nobody."""
    if settings.dkim_key_file is None:
        return None
    keys = [read_key(settings.dkim_key_file, selector=settings.dkim_selector)]
    if settings.dkim_next_key_file is not None:
        since = settings.dkim_next_since
        keys.append(read_key(settings.dkim_next_key_file, selector=settings.dkim_next_selector, since=since))
    return DkimKeys(settings.dkim_domain or settings.from_address.rpartition("@")[2], keys)


class SigningRelay:
    """Hands mails on with a signature. OpenSSL makes it beside the loop: RSA takes as long as writing half a mail."""

    def __init__(self, relay: Relay, keys: DkimKeys, *, now: Callable[[], datetime]) -> None:
        self._relay = relay
        self._keys = keys
        self._now = now

    async def deliver(self, mail: Mail) -> Reply:
        signed = await asyncio.to_thread(self._keys.sign, mail.content, now=self._now())
        return await self._relay.deliver(msgspec.structs.replace(mail, content=signed))

    async def close(self) -> None:
        await self._relay.close()
