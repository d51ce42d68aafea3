import base64
from datetime import UTC, datetime
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from deploy.local.keys import Keys


def test_a_key_stays_the_same_once_made(tmp_path: Path) -> None:
    first, later = Keys(tmp_path / "secrets"), Keys(tmp_path / "secrets")

    assert first.partner_key() == later.partner_key()
    assert first.database_password("intake") == later.database_password("intake")
    assert first.operator_public_key() == later.operator_public_key()


def test_every_role_has_a_password_of_its_own(tmp_path: Path) -> None:
    keys = Keys(tmp_path)

    assert keys.database_password("intake") != keys.database_password("verifier")


def test_keys_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    Keys(folder).partner_key()

    assert folder.stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in folder.iterdir()] == [0o600]


def test_the_partner_key_carries_256_random_bits(tmp_path: Path) -> None:
    key = Keys(tmp_path).partner_key()

    assert key.startswith("tck_")
    assert len(base64.urlsafe_b64decode(key.removeprefix("tck_") + "=")) == 32


def test_the_admin_token_is_valid_under_the_public_key(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    now = datetime.now(UTC)

    token = keys.admin_token(now=now)

    public_key = Ed25519PublicKey.from_public_bytes(base64.b64decode(keys.operator_public_key()))
    claims = jwt.decode(token, public_key, algorithms=["EdDSA"], audience="tocsin", issuer="tocsin-console")
    assert claims["role"] == "admin"
    assert claims["exp"] - claims["iat"] == 7 * 24 * 3600
