"""Signatures that receivers check with any library for Standard Webhooks.

Source: https://github.com/standard-webhooks/standard-webhooks, specification 1.0.0.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime

SECRET_BYTES = 32
SECRET_PREFIX = "whsec_"  # noqa: S105 - what secrets begin with, not one


def written_secret(secret: bytes) -> str:
    """A secret as its partner gets it, this once."""
    return SECRET_PREFIX + base64.b64encode(secret).decode()


def signed_headers(message_id: str, body: bytes, *, secrets: Sequence[bytes], at: datetime) -> Mapping[str, str]:
    """What an attempt is sent with: one signature for each secret that is valid, so that a change leaves no gap."""
    seconds = str(int(at.timestamp()))
    signatures = (_signature(secret, f"{message_id}.{seconds}.".encode() + body) for secret in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def _signature(secret: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
