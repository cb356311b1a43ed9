"""The boto3 client and how its errors read."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import boto3  # type: ignore[import-untyped]  # no types shipped
from botocore.config import Config  # type: ignore[import-untyped]  # no types shipped
from botocore.exceptions import (  # type: ignore[import-untyped]  # no types shipped
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
)

from sims_backup.errors import NoSpace, StoreUnavailable
from sims_backup.settings import S3Settings

_DENIED = {401, 403}
_FULL = {"EntityTooLarge", "QuotaExceeded", "XMinioStorageFull", "StorageFull"}
_INSUFFICIENT_STORAGE = 507


def connect(settings: S3Settings, *, pool: int) -> Any:
    """A client whose every request ends: timeouts and a bounded number of tries."""
    config = Config(
        connect_timeout=settings.s3_connect_timeout,
        read_timeout=settings.s3_read_timeout,
        retries={"mode": "standard", "total_max_attempts": settings.s3_attempts},
        max_pool_connections=pool,
        s3={"addressing_style": "path" if settings.s3_path_style else "auto"},
        request_checksum_calculation=settings.s3_checksums,
        response_checksum_validation=settings.s3_checksums,
        signature_version="s3v4",
    )
    return boto3.session.Session().client(
        "s3",
        endpoint_url=settings.s3_endpoint or None,
        region_name=settings.s3_region,
        aws_access_key_id=settings.s3_access_key_id or None,
        aws_secret_access_key=settings.s3_secret_access_key.get_secret_value() or None,
        aws_session_token=settings.s3_session_token.get_secret_value() or None,
        verify=settings.s3_ca_bundle or None,
        config=config,
    )


def integrity(settings: S3Settings, body: bytes) -> dict[str, str]:
    """Checksum header with which the store refuses a body changed on its way."""
    if settings.s3_checksums == "when_supported":
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        return {"ChecksumAlgorithm": "SHA256", "ChecksumSHA256": digest}
    weak = hashlib.md5(body, usedforsecurity=False).digest()
    return {"ContentMD5": base64.b64encode(weak).decode()}


def lock_arguments(settings: S3Settings, until: datetime | None) -> dict[str, Any]:
    if settings.s3_object_lock == "off" or until is None:
        return {}
    return {
        "ObjectLockMode": settings.s3_object_lock.upper(),
        "ObjectLockRetainUntilDate": until,
    }


def status_of(error: Exception) -> int:
    """HTTP status of an answer; 0 when there was none."""
    if isinstance(error, ClientError):
        return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return 0


@contextmanager
def s3_errors(store: str, key: str) -> Iterator[None]:
    """boto3's errors as what a person has to do about them; credentials never appear."""
    where = f"{store}/{key}" if key else store
    try:
        yield
    except NoCredentialsError as error:
        raise StoreUnavailable(
            f"{store}: no credentials; set SIMS_S3_ACCESS_KEY_ID and "
            "SIMS_S3_SECRET_ACCESS_KEY_FILE, or give the pod a role"
        ) from error
    except ClientError as error:
        raise _answered(where, error) from error
    except (BotoCoreError, HTTPClientError, OSError) as error:
        raise StoreUnavailable(f"{where}: {type(error).__name__}: {error}") from error


def _answered(where: str, error: ClientError) -> StoreUnavailable | NoSpace:
    code = error.response.get("Error", {}).get("Code", "")
    if code in _FULL or status_of(error) == _INSUFFICIENT_STORAGE:
        return NoSpace(f"{where}: the store is full ({code})")
    if status_of(error) in _DENIED:
        return StoreUnavailable(
            f"{where}: access denied ({code}); check key, secret, clock and the bucket's policy"
        )
    return StoreUnavailable(f"{where}: {error.operation_name} failed ({code or status_of(error)})")
