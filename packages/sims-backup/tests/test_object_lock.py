"""Object lock: what is locked can't be destroyed, and retention knows it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # no types shipped

from sims_backup.engine.backup import take_backup
from sims_backup.engine.context import Context
from sims_backup.engine.prune import prune
from sims_backup.engine.verify import verify_set
from sims_backup.media import object_key
from sims_backup.settings import BackupSettings
from sims_backup.testing.s3 import S3Server


@pytest.fixture
def locked(values: dict[str, Any], s3_lock_server: S3Server) -> dict[str, Any]:
    return {
        **values,
        **s3_lock_server.settings(s3_object_lock="compliance"),
        "backup_targets": f"s3://{s3_lock_server.bucket(lock=True)}/x",
        "retention_days": 5,
    }


def retained_until(server: S3Server, target: str, key: str) -> datetime:
    bucket, prefix = target.removeprefix("s3://").split("/", 1)
    client = server.client()
    try:
        answer = client.get_object_retention(Bucket=bucket, Key=f"{prefix}/{key}")
    finally:
        client.close()
    found: datetime = answer["Retention"]["RetainUntilDate"]
    return found


def test_every_version_of_a_set_is_protected(
    locked: dict[str, Any], s3_lock_server: S3Server
) -> None:
    with Context.open(BackupSettings(**locked)) as context:
        made = take_backup(context)
        manifest = context.repository.find(made.id).manifest
        assert verify_set(context, context.repository.find(made.id)).passed
    bucket, prefix = locked["backup_targets"].removeprefix("s3://").split("/", 1)
    client = s3_lock_server.client()
    for key in [item.key for item in manifest.objects] + ["manifest.json"]:
        name = f"{prefix}/{made.id}/{key}"
        version = client.head_object(Bucket=bucket, Key=name)["VersionId"]
        with pytest.raises(ClientError, match=r"AccessDenied|locked|WORM"):
            client.delete_object(Bucket=bucket, Key=name, VersionId=version)
    client.close()
    assert manifest.locked_until is not None
    assert manifest.locked_until > datetime.now(UTC) + timedelta(days=4)


def test_prune_keeps_what_is_locked(locked: dict[str, Any]) -> None:
    values = {**locked, "retention_daily": 1, "retention_min_verified": 1}
    with Context.open(BackupSettings(**values)) as context:
        ids = [take_backup(context).id for _ in range(3)]
    none_by_days = {**values, "retention_days": 0}
    with Context.open(BackupSettings(**none_by_days)) as context:
        result = prune(context, dry_run=False)
    assert result.deleted == []
    reasons = {entry.id: entry.reasons for entry in result.entries}
    assert reasons[ids[0]][0].startswith("locked until ")


def test_media_of_an_older_set_stays_locked_as_long_as_the_newer(
    locked: dict[str, Any], s3_lock_server: S3Server
) -> None:
    with Context.open(BackupSettings(**locked)) as context:
        take_backup(context)
        key = next(context.storage.walk("media/plain/")).key
    assert key == object_key("plain", key.rsplit("/", 1)[1])
    before = retained_until(s3_lock_server, locked["backup_targets"], key)
    longer = {**locked, "retention_days": 30}
    with Context.open(BackupSettings(**longer)) as context:
        second = take_backup(context)
        manifest = context.repository.find(second.id).manifest
    assert second.media_uploaded == 0
    after = retained_until(s3_lock_server, locked["backup_targets"], key)
    assert manifest.locked_until is not None
    assert after >= manifest.locked_until > before
