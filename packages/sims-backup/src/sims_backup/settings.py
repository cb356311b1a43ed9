"""Settings of the engine: ``SIMS_…`` in the environment, secrets also as ``…_FILE``."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from sims_backup.contract.manifest import Format
from sims_common.settings import DatabaseSettings, InstitutionSettings, LogSettings, Settings

_MIB = 1024 * 1024


def _plain_name(value: str) -> str:
    if not value or not all(c.isalnum() or c in "_-" for c in value) or not value.isascii():
        raise ValueError("use letters, digits, - and _ only, for example fmu_platform")
    return value


class S3Settings(Settings):
    """One account for all ``s3://`` targets; empty keys mean the default chain of AWS."""

    s3_endpoint: str = Field("", description="https://host:port; empty for AWS")
    s3_region: str = "us-east-1"
    s3_access_key_id: str = ""
    s3_secret_access_key: SecretStr = SecretStr("")
    s3_session_token: SecretStr = SecretStr("")
    s3_ca_bundle: str = Field("", description="file with the CA of a private store")
    s3_path_style: bool = Field(default=True, description="endpoint/bucket/key, as clones expect")
    s3_checksums: Literal["when_supported", "when_required"] = Field(
        "when_supported", description="when_required: Content-MD5 only, for stores without SHA-256"
    )
    s3_object_lock: Literal["off", "governance", "compliance"] = "off"
    s3_part_size: int = Field(8 * _MIB, ge=5 * _MIB, description="bytes of the first parts")
    s3_max_parts: int = Field(10_000, ge=100, le=10_000, description="1000 at some vendors")
    s3_connect_timeout: float = Field(10.0, gt=0, description="seconds")
    s3_read_timeout: float = Field(60.0, gt=0, description="seconds without a byte")
    s3_attempts: int = Field(5, ge=1, le=20, description="tries of a request")


class RetentionSettings(Settings):
    retention_days: int = Field(7, ge=0, le=36_500, description="0: not by days")
    retention_daily: int = Field(0, ge=0, le=3_660)
    retention_weekly: int = Field(0, ge=0, le=520)
    retention_monthly: int = Field(0, ge=0, le=1_200)
    retention_yearly: int = Field(0, ge=0, le=100)
    retention_min_verified: int = Field(3, ge=1, le=1_000, description="floor, by number")


class BackupSettings(
    DatabaseSettings, S3Settings, RetentionSettings, InstitutionSettings, LogSettings
):
    backup_targets: str = Field(
        "backups/db", description="directories and s3://bucket/prefix, by comma; first is primary"
    )
    backup_prefix: Annotated[str, AfterValidator(_plain_name)] = "fmu_platform"
    backup_format: Format = "directory"
    backup_jobs: int = Field(default_factory=lambda: min(8, max(2, os.cpu_count() or 2)), ge=1)
    backup_compression_level: int = Field(1, ge=1, le=19, description="zstd; gzip uses up to 9")
    backup_split_size: int = Field(0, ge=0, description="bytes; 0: 1/50 of the database")
    backup_staging_dir: str = Field(
        default_factory=tempfile.gettempdir, description="small tables pass through here"
    )
    backup_staging_limit: int = Field(
        0, ge=0, description="bytes; pg_dump is paused above; 0: 1/20 of the database"
    )
    backup_media_dir: str = Field("", description="directory of uploaded files; empty: none")
    backup_deadline: float = Field(6 * 3600.0, gt=0, description="seconds for the whole run")
    backup_lock_timeout: float = Field(
        60.0, ge=0, description="seconds to wait for table locks and for other runs"
    )
    backup_connect_wait: float = Field(
        0.0, ge=0, description="seconds in which a database that can't be reached yet is awaited"
    )
    backup_recipients: str = Field("", description="age1… public keys, by comma")
    backup_identity: SecretStr = Field(
        SecretStr(""), description="AGE-SECRET-KEY-1… for restores; one a line"
    )
    backup_checks: str = Field("", description="TOML file with invariants and media references")
    backup_verify: bool = Field(default=True, description="read every object back first")
    backup_revision_sql: str = "SELECT version_num FROM alembic_version"
    installation_id: str = Field("", description="empty: made from the server's system id")
    maintenance_database: str = Field("postgres", description="holds lock and restore journal")
    pg_bin_dir: str = Field("", description="directories with pg_dump, by colon; searched first")
    restore_migrate_command: str = Field(
        "", description="run on the restored database before the swap, e.g. sims migrate"
    )
    restore_keep_old_hours: float = Field(24.0, ge=0)

    @property
    def targets(self) -> list[str]:
        return [item.strip() for item in self.backup_targets.split(",") if item.strip()]

    @property
    def recipients(self) -> list[str]:
        return [item.strip() for item in self.backup_recipients.split(",") if item.strip()]

    @property
    def media_dir(self) -> Path | None:
        return Path(self.backup_media_dir) if self.backup_media_dir else None
