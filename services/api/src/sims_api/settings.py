"""Settings of the API process."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr

from sims_common.settings import (
    DatabaseSettings,
    LogSettings,
    SecuritySettings,
)
from sims_core.press import IssuingSettings


class ApiSettings(LogSettings, DatabaseSettings, IssuingSettings, SecuritySettings):
    """Redis is optional here: health reports it, nothing in a request waits for it.

    So is the signing key: without it transcripts are not downloaded, all else works.
    """

    redis_url: SecretStr = Field(SecretStr(""), description="empty: health says skipped")
    api_host: str = "127.0.0.1"
    api_port: int = Field(8000, ge=0, le=65535)
    api_side_host: str = "127.0.0.1"
    api_side_port: int = Field(9100, ge=0, le=65535, description="metrics; 0 picks a free port")
    api_max_body: int = Field(1 << 20, ge=1024, description="bytes; imports have their own limit")
    import_max_body: int = Field(10 << 20, ge=1024, description="bytes of an uploaded CSV")
    media_dir: Path | None = Field(
        None, description="directory of uploaded files; the backup's SIMS_BACKUP_MEDIA_DIR"
    )
    verify_max_body: int = Field(2 << 20, ge=1024, description="bytes of a PDF to be checked")
    verify_per_minute: int = Field(30, ge=1, description="verifications a network and minute")
    verify_uploads_per_minute: int = Field(6, ge=1, description="PDFs a network and minute")
    import_max_rows: int = Field(20_000, ge=1)
    enable_legacy_modules: bool = Field(
        default=False,
        description="serve enrollments, assessments and requests under /api/legacy/ too",
    )
    allow_legacy_writes: bool = Field(
        default=False, description="let the legacy modules write; else a write is a 409"
    )
    api_shutdown_timeout: int = Field(25, ge=1, description="seconds for running requests")
