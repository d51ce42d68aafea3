"""Settings: read once at the start, from the environment, a `.env` file or mounted secrets, and passed down by hand."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from libs.common.errors import Fatal
from libs.common.proxies import Proxies


def service_config(service: str) -> SettingsConfigDict:
    """Where a service's settings come from: `TOCSIN_<SERVICE>_<NAME>`."""
    return SettingsConfigDict(env_prefix=f"TOCSIN_{service.upper()}_", env_file=".env", extra="ignore", frozen=True)


class MountedSecrets(PydanticBaseSettingsSource):
    """Reads `<PREFIX><NAME>_FILE`: the value is the content of that file, without its last newline."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # Any: pydantic's own type
        name = f"{self.config['env_prefix']}{field_name}_FILE".upper()
        path = os.environ.get(name)
        try:
            return (Path(path).read_text().rstrip("\n") if path else None), field_name, False
        except OSError as error:
            raise Fatal(f"{name} names {path}, which can't be read: {error.strerror}") from error

    def __call__(self) -> dict[str, Any]:  # Any: pydantic's own type
        values = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in values.items() if value is not None}


class ServiceSettings(BaseSettings):
    """What every service needs to know. Each service adds its own."""

    http_host: str = Field("127.0.0.1", description="Address to listen on")
    http_port: int = Field(description="Port to listen on", ge=1, le=65535)
    trusted_proxies: Proxies = Field(
        "127.0.0.1",
        description="Addresses or networks of the reverse proxies in front, separated by commas: their "
        "`X-Forwarded-For` says who is asking; empty: nobody's does",
    )
    database_url: SecretStr = Field(description="postgresql://user:password@host:port/name, a database of its own")
    database_pool_size: int = Field(8, description="Most connections held open to the database", ge=2, le=200)
    statement_timeout_seconds: float = Field(30.0, description="A database statement that takes longer is cancelled")
    kafka_bootstrap: str = Field(description="host:port of one or more Kafka brokers, separated by commas")
    kafka_security_protocol: str = Field("PLAINTEXT", description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL")
    kafka_sasl_mechanism: str = Field("SCRAM-SHA-512", description="With SASL: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512")
    kafka_username: str = Field("", description="With SASL: who we are")
    kafka_password: SecretStr = Field(SecretStr(""), description="With SASL: our password")
    kafka_ca_file: Path | None = Field(None, description="With SSL: certificate authority to trust, a PEM file")
    operator_public_key: str = Field(description="Base64 of the Ed25519 key (32 bytes) that signs operators' tokens")
    batch_max_records: int = Field(2000, description="Most messages handled in one transaction", ge=1, le=20_000)
    batch_max_wait_milliseconds: int = Field(100, description="Longest wait for messages before the loop looks up")
    dead_letter_limit: int = Field(1000, description="More dead letters than this in one run stop the service", ge=1)
    retry_max_seconds: float = Field(30.0, description="Longest pause between two tries when something is away")
    shutdown_seconds: float = Field(20.0, description="Longest time to finish what is under way after SIGTERM")
    overdue_refresh_seconds: float = Field(30.0, description="How often to look at what waits for too long", gt=0)
    otlp_endpoint: str = Field("", description="Where traces go (OTLP over HTTP, .../v1/traces); empty: nowhere")
    faults: str = Field("", description="Fail on purpose, for drills: `name:chance` or `name:chancexTIMES`, by commas")
    faults_seed: int = Field(0, description="Seed of the chances of `faults`")
    faults_tally: Path | None = Field(
        None, description="File that counts the TIMES of `faults` over all lives of the process; empty: each life anew"
    )
    log_level: str = Field("info", description="debug, info, warning or error", pattern="^(debug|info|warning|error)$")
    log_format: str = Field(
        "auto", description="json, console, or auto: json when not a terminal", pattern="^(json|console|auto)$"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, MountedSecrets(settings_cls), dotenv_settings


S = TypeVar("S", bound=ServiceSettings)


def read_settings(settings_class: type[S]) -> S:
    """Read and check; a wrong value stops the start with all errors in one message."""
    try:
        return settings_class()
    except ValidationError as error:
        raise Fatal("\n".join(("These settings are wrong or missing:", *_complaints(settings_class, error)))) from None


def _complaints(settings_class: type[ServiceSettings], error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_input=False, include_url=False):
        name = "_".join(str(part) for part in problem["loc"])
        yield f"  {variable(settings_class, name)}: {problem['msg']}"


def variable(settings_class: type[ServiceSettings], name: str) -> str:
    """The environment variable of a field."""
    return f"{settings_class.model_config.get('env_prefix', '')}{name}".upper()


def describe(settings_class: type[ServiceSettings]) -> str:
    """The table of all settings, as Markdown: `--help-settings` prints it and the documentation is made of it."""
    rows = [_row(settings_class, name, field) for name, field in settings_class.model_fields.items()]
    return "\n".join(("| variable | default | meaning |", "| --- | --- | --- |", *rows))


def _row(settings_class: type[ServiceSettings], name: str, field: FieldInfo) -> str:
    secret = field.annotation is SecretStr
    default = (
        "*required*" if field.is_required() else "" if secret else f"`{field.get_default(call_default_factory=True)}`"
    )
    return f"| `{variable(settings_class, name)}` | {default} | {field.description} |"
