"""Settings read from the environment, composed per process from the parts below.

Every variable starts with ``SIMS_``. A secret may come from a file instead: the
value of ``SIMS_X_FILE`` is the path of a file whose content becomes ``SIMS_X``
(Docker and Kubernetes secrets), so that it is in no process listing.
A wrong value stops the process with one line for each mistake.
"""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from typing_extensions import override

PREFIX = "SIMS_"


class _FileSource(PydanticBaseSettingsSource):
    """Reads ``SIMS_<FIELD>_FILE`` for each field that has no value in the environment."""

    @override
    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"{PREFIX}{field_name.upper()}_FILE")
        if not path:
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").rstrip("\n"), field_name, False
        except OSError as error:
            name = f"{PREFIX}{field_name.upper()}_FILE"
            raise SystemExit(f"{name}: cannot read {path}: {error.strerror}") from error

    @override
    def __call__(self) -> dict[str, Any]:
        values = {}
        for name, field in self.settings_cls.model_fields.items():
            value, key, _ = self.get_field_value(field, name)
            if value is not None:
                values[key] = value
        return values


def _known_time_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is not an IANA time zone, for example Asia/Karachi")
    return name


class Settings(BaseSettings):
    """Base of all settings: the prefix, the file source, immutability."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _FileSource(settings_cls)


class LogSettings(Settings):
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="auto: console on a terminal, JSON elsewhere"
    )


class DatabaseSettings(Settings):
    database_url: SecretStr = Field(description="postgresql://user:password@host:port/database")
    database_pool_size: int = Field(5, ge=1, le=100)
    database_max_overflow: int = Field(5, ge=0, le=100)
    database_pool_timeout: float = Field(2.0, gt=0, description="seconds; then 503")


class RedisSettings(Settings):
    redis_url: SecretStr = Field(description="redis://… or unix:///path?db=0 (Redis 7+ or Valkey)")


class MailSettings(Settings):
    smtp_host: str = "localhost"
    smtp_port: int = Field(25, ge=1, le=65535)
    smtp_security: Literal["none", "starttls", "tls"] = "none"
    smtp_username: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_timeout: float = Field(30.0, gt=0, description="seconds without an answer")
    smtp_ca: str = Field("", description="PEM of the relay's own CA; empty: the system's")
    smtp_deduplicates: bool = Field(
        default=False, description="the relay drops a mail whose Message-ID it has taken before"
    )
    mail_from: str = Field("SIMS <noreply@localhost>", description="sender of every mail")


class InstitutionSettings(Settings):
    institution_name: str = "SIMS Demo College"
    time_zone: Annotated[str, AfterValidator(_known_time_zone)] = "UTC"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


class SecuritySettings(Settings):
    secret_key: SecretStr = Field(
        min_length=32, description="random, at least 32 characters; signs access tokens"
    )
    secret_key_previous: SecretStr = Field(
        SecretStr(""), description="the key before a rotation: still verifies, never signs"
    )
    access_token_lifetime: timedelta = timedelta(minutes=10)
    refresh_token_lifetime: timedelta = timedelta(days=1)


S = TypeVar("S", bound=Settings)


def load(cls: type[S], **overrides: Any) -> S:
    """The settings of this process; a wrong one ends it with exit code 78 (EX_CONFIG)."""
    try:
        return cls(**overrides)
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            name = PREFIX + "_".join(str(part) for part in problem["loc"]).upper()
            sys.stderr.write(f"{name}: {problem['msg']}\n")
        sys.stderr.write("Set the variables above (or their _FILE forms) and start again.\n")
        raise SystemExit(78) from None
