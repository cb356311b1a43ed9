"""Multipart uploads: parts grow, a few fly at once, nothing is left behind."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]  # no types shipped

from sims_backup.errors import StoreUnavailable
from sims_backup.parallel import Deadline, Workers
from sims_backup.settings import S3Settings
from sims_backup.steps import effect
from sims_backup.storage.s3_client import integrity
from sims_backup.streams import Source
from sims_common.logs import get_logger

log = get_logger(__name__)

_IN_FLIGHT = 3
_GIB = 1024**3


def part_size(number: int, settings: S3Settings) -> int:
    """Bytes of part ``number`` (from 1): doubles every 1/16 of the allowed parts, at most 1 GiB.

    With 10,000 parts from 8 MiB a stream may reach 5 TiB, S3's limit for an object; with
    the 1000 parts of some vendors about 500 GiB.
    """
    step = max(1, settings.s3_max_parts // 16)
    doublings = min((number - 1) // step, 10)
    return int(min(settings.s3_part_size << doublings, _GIB))


class MultipartUpload:
    """One upload: ``start``, ``send_all``, ``complete``; ``abort`` after any failure."""

    def __init__(self, client: Any, bucket: str, key: str, settings: S3Settings) -> None:
        self._client, self._settings = client, settings
        self._target = {"Bucket": bucket, "Key": key}
        self._upload_id = ""
        self._parts: list[dict[str, Any]] = []

    def start(self, arguments: dict[str, Any]) -> None:
        extra: dict[str, Any] = {}
        if self._settings.s3_checksums == "when_supported":
            extra["ChecksumAlgorithm"] = "SHA256"
        with effect("s3.create", self._target["Key"]):
            answer = self._client.create_multipart_upload(**self._target, **arguments, **extra)
        self._upload_id = answer["UploadId"]

    def send_all(self, first: bytes, rest: Source) -> None:
        """``first`` is a whole part; the rest follows, at most three parts at once."""
        deadline = Deadline(86_400.0)  # the run's own deadline acts through the source
        flying: deque[Future[dict[str, Any]]] = deque()
        try:
            with Workers(_IN_FLIGHT, deadline, "s3-part") as workers:
                number, block = 1, first
                while block:
                    flying.append(
                        workers.submit(lambda n=number, b=block: self._send(n, b))  # type: ignore[misc]  # mypy can't infer a lambda with defaults
                    )
                    if len(flying) >= _IN_FLIGHT:
                        self._parts.append(workers.wait(flying.popleft()))
                    number += 1
                    if number > self._settings.s3_max_parts:
                        raise StoreUnavailable(
                            f"{self._target['Key']}: needs more than "
                            f"{self._settings.s3_max_parts} parts; raise SIMS_S3_PART_SIZE"
                        )
                    block = rest.read(part_size(number, self._settings))
                self._parts.extend(workers.wait(future) for future in flying)
        finally:
            deadline.close()

    def _send(self, number: int, body: bytes) -> dict[str, Any]:
        sums = integrity(self._settings, body)
        with effect("s3.part", f"{self._target['Key']}#{number}"):
            answer = self._client.upload_part(
                **self._target, UploadId=self._upload_id, PartNumber=number, Body=body, **sums
            )
        part = {"PartNumber": number, "ETag": answer["ETag"]}
        if "ChecksumSHA256" in sums:
            part["ChecksumSHA256"] = sums["ChecksumSHA256"]
        return part

    def complete(self) -> None:
        with effect("s3.complete", self._target["Key"]):
            self._client.complete_multipart_upload(
                **self._target,
                UploadId=self._upload_id,
                MultipartUpload={"Parts": self._parts},
                IfNoneMatch="*",
            )

    def abort(self) -> None:
        """Best effort: what the store refuses now is swept by the next ``prune``."""
        if not self._upload_id:
            return
        try:
            with effect("s3.abort", self._target["Key"]):
                self._client.abort_multipart_upload(**self._target, UploadId=self._upload_id)
        except (ClientError, BotoCoreError) as error:
            log.warning("multipart upload not aborted", key=self._target["Key"], error=str(error))


def abort_unfinished(client: Any, bucket: str, prefix: str) -> int:
    """Aborts every upload under the prefix; returns how many."""
    pages = client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix)
    found = [upload for page in pages for upload in page.get("Uploads", [])]
    for upload in found:
        with effect("s3.abort", upload["Key"]):
            client.abort_multipart_upload(
                Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"]
            )
    return len(found)
