"""Settings: all errors at once, secrets from files, and a table of everything."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from libs.common.errors import Fatal
from libs.common.settings import describe, read_settings
from services.verifier.settings import VerifierSettings

GOOD = {
    "HTTP_PORT": "8102",
    "DATABASE_URL": "postgresql://verifier:secret@127.0.0.1/verifier",
    "KAFKA_BOOTSTRAP": "127.0.0.1:9092",
    "OPERATOR_PUBLIC_KEY": "AAAA",
}


def given(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    for name, value in values.items():
        monkeypatch.setenv(f"TOCSIN_VERIFIER_{name}", value)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, GOOD | {"CONSTITUENCY_COUNTRIES": '["BE", "NL"]'})
    settings = read_settings(VerifierSettings)
    assert settings.http_port == 8102
    assert settings.constituency_countries == {"BE", "NL"}


def test_a_secret_can_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://from:file@db/verifier\n")
    given(monkeypatch, GOOD)
    monkeypatch.delenv("TOCSIN_VERIFIER_DATABASE_URL")
    monkeypatch.setenv("TOCSIN_VERIFIER_DATABASE_URL_FILE", str(tmp_path / "url"))
    assert read_settings(VerifierSettings).database_url == SecretStr("postgresql://from:file@db/verifier")


def test_all_wrong_settings_are_told_at_once_by_the_name_of_their_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, GOOD | {"HTTP_PORT": "99999", "HOLD_BELOW_CONFIDENCE": "much"})
    monkeypatch.delenv("TOCSIN_VERIFIER_KAFKA_BOOTSTRAP")
    with pytest.raises(Fatal) as stopped:
        read_settings(VerifierSettings)
    for name in ("HTTP_PORT", "HOLD_BELOW_CONFIDENCE", "KAFKA_BOOTSTRAP"):
        assert f"TOCSIN_VERIFIER_{name}" in str(stopped.value)
    assert "secret" not in str(stopped.value)


def test_the_table_describes_every_setting_and_shows_no_secret() -> None:
    table = describe(VerifierSettings)
    for name, field in VerifierSettings.model_fields.items():
        assert f"`TOCSIN_VERIFIER_{name}`".upper() in table
        assert field.description
        assert field.description in table
