"""From the text of a target to its storage."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from sims_backup.errors import Refused
from sims_backup.settings import BackupSettings
from sims_backup.storage import Storage
from sims_backup.storage.local import LocalStorage


def open_target(text: str, settings: BackupSettings) -> Storage:
    """``s3://bucket/prefix`` or a directory."""
    if text.startswith("s3://"):
        from sims_backup.storage.s3 import S3Storage  # noqa: PLC0415  boto3 costs 0.3 s to load

        parts = urlsplit(text)
        if not parts.netloc or "@" in parts.netloc:
            raise Refused(f"{text!r}: write s3://bucket/prefix, without credentials")
        return S3Storage(parts.netloc, parts.path, settings)
    if "://" in text:
        raise Refused(
            f"{text.partition('://')[0]}:// is not known; use a directory or s3://bucket/…"
        )
    return LocalStorage(Path(text).expanduser().absolute())


def primary(settings: BackupSettings, chosen: str | None = None) -> Storage:
    """The chosen target, else the first configured."""
    targets = settings.targets
    if chosen is None and not targets:
        raise Refused("no target: set SIMS_BACKUP_TARGETS to a directory or s3://bucket/prefix")
    return open_target(chosen if chosen is not None else targets[0], settings)
