"""S3 and compatible stores through boto3.

Conditional writes make keys write-once. Each attempt carries a nonce in the object's
metadata, so after a lost answer the store itself says whether the write was ours.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from types import TracebackType
from typing import Any, Self

from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]  # no types shipped

from sims_backup.contract.manifest import StoredObject
from sims_backup.errors import AlreadyExists, ContentChanged, ObjectMissing
from sims_backup.parallel import Deadline, Workers
from sims_backup.settings import S3Settings
from sims_backup.steps import effect
from sims_backup.storage import ObjectInfo, Upload, check_key
from sims_backup.storage.s3_body import S3Body
from sims_backup.storage.s3_client import connect, integrity, lock_arguments, s3_errors, status_of
from sims_backup.storage.s3_multipart import MultipartUpload, abort_unfinished
from sims_backup.streams import ByteStream, Filled, Hashed, Source

NONCE = "sims-upload"
_MISSING = {404}
_TAKEN = {409, 412}
_DELETE_BATCH = 1000
_UPLOADERS = 16


class S3Storage:
    """``bucket/prefix``; the prefix is ours alone."""

    def __init__(self, bucket: str, prefix: str, settings: S3Settings) -> None:
        self.bucket, self._settings = bucket, settings
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._client: Any = connect(settings, pool=2 * _UPLOADERS)

    @property
    def name(self) -> str:
        return f"s3://{self.bucket}/{self._prefix}".rstrip("/")

    @property
    def locks(self) -> bool:
        return self._settings.s3_object_lock != "off"

    def _key(self, key: str) -> str:
        return self._prefix + check_key(key)

    def put(self, key: str, source: Source, *, lock_until: datetime | None = None) -> StoredObject:
        hashed = Hashed(Filled(source))
        first = hashed.read(self._settings.s3_part_size)
        if len(first) < self._settings.s3_part_size:
            hashed.read(1)  # lets the source check itself at its end
            self._put_small(key, first, lock_until)
        else:
            self._put_large(key, first, hashed, lock_until)
        return StoredObject(key=key, size=hashed.size, sha256=hashed.sha256)

    def _common(self, lock_until: datetime | None) -> tuple[str, dict[str, Any]]:
        nonce = uuid.uuid4().hex
        arguments = {"Metadata": {NONCE: nonce}, **lock_arguments(self._settings, lock_until)}
        return nonce, arguments

    def _put_small(self, key: str, body: bytes, lock_until: datetime | None) -> None:
        nonce, arguments = self._common(lock_until)
        with effect("s3.put", key), s3_errors(self.name, key):
            try:
                self._client.put_object(
                    Bucket=self.bucket,
                    Key=self._key(key),
                    Body=body,
                    IfNoneMatch="*",
                    **arguments,
                    **integrity(self._settings, body),
                )
            except (ClientError, BotoCoreError) as error:
                self._settle(key, nonce, error)

    def _put_large(self, key: str, first: bytes, rest: Hashed, lock_until: datetime | None) -> None:
        nonce, arguments = self._common(lock_until)
        upload = MultipartUpload(self._client, self.bucket, self._key(key), self._settings)
        try:
            with s3_errors(self.name, key):
                upload.start(arguments)
                upload.send_all(first, rest)
                try:
                    upload.complete()
                except (ClientError, BotoCoreError) as error:
                    self._settle(key, nonce, error)
        except BaseException:
            upload.abort()
            raise

    def _settle(self, key: str, nonce: str, error: Exception) -> None:
        """After a failed write: ours if our nonce is there, taken if another's, else failed."""
        found = self._head(key)
        if found is not None and found.get("Metadata", {}).get(NONCE) == nonce:
            return
        if found is not None and status_of(error) in _TAKEN | _MISSING:
            raise AlreadyExists(
                f"{self.name}/{key} exists; stored objects are never rewritten"
            ) from error
        raise error

    def _head(self, key: str) -> dict[str, Any] | None:
        try:
            answer: dict[str, Any] = self._client.head_object(
                Bucket=self.bucket, Key=self._key(key)
            )
        except ClientError as error:
            if status_of(error) in _MISSING:
                return None
            raise
        return answer

    def put_many(
        self, uploads: Iterable[Upload], *, lock_until: datetime | None = None
    ) -> Iterator[StoredObject]:
        def send(upload: Upload) -> StoredObject | None:
            with suppress(ContentChanged):
                return self.put(upload.key, upload.open(), lock_until=lock_until)
            return None

        deadline = Deadline(86_400.0)  # the run's own deadline acts through the sources
        with Workers(_UPLOADERS, deadline, "s3-put") as workers:
            pending: set[Future[StoredObject | None]] = set()
            feed = iter(uploads)
            while True:
                room = 2 * _UPLOADERS - len(pending)
                pending |= {
                    workers.submit(lambda u=u: send(u))  # type: ignore[misc]  # mypy can't infer a lambda with a default
                    for u in islice(feed, room)
                }
                if not pending:
                    break
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                yield from (stored for item in done if (stored := item.result()) is not None)
        deadline.close()

    def open(self, key: str) -> ByteStream:
        with s3_errors(self.name, key):
            try:
                answer = self._client.get_object(Bucket=self.bucket, Key=self._key(key))
            except ClientError as error:
                if status_of(error) in _MISSING:
                    raise ObjectMissing(f"{self.name}/{key} is missing") from None
                raise
        return S3Body(self._client, self.bucket, self._key(key), answer, self.name)

    def stat(self, key: str) -> ObjectInfo | None:
        with s3_errors(self.name, key):
            found = self._head(key)
        if found is None:
            return None
        return ObjectInfo(key, found["ContentLength"], found["LastModified"].astimezone(UTC))

    def walk(self, prefix: str) -> Iterator[ObjectInfo]:
        with s3_errors(self.name, prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=self._prefix + prefix
            )
            for page in pages:
                for item in page.get("Contents", []):
                    key = item["Key"][len(self._prefix) :]
                    yield ObjectInfo(key, item["Size"], item["LastModified"].astimezone(UTC))

    def folders(self) -> list[str]:
        with s3_errors(self.name, ""):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=self._prefix, Delimiter="/"
            )
            names = [
                item["Prefix"][len(self._prefix) :].rstrip("/")
                for page in pages
                for item in page.get("CommonPrefixes", [])
            ]
        return sorted(names)

    def delete(self, keys: Iterable[str]) -> int:
        count = 0
        feed = iter(keys)
        while batch := list(islice(feed, _DELETE_BATCH)):
            names = [{"Key": self._key(key)} for key in batch]
            with effect("s3.delete", batch[0]), s3_errors(self.name, batch[0]):
                answer = self._client.delete_objects(
                    Bucket=self.bucket, Delete={"Objects": names, "Quiet": True}
                )
                if failed := answer.get("Errors"):
                    raise ClientError({"Error": failed[0]}, "DeleteObjects")
            count += len(batch)
        return count

    def sweep_uploads(self) -> int:
        with s3_errors(self.name, ""):
            return abort_unfinished(self._client, self.bucket, self._prefix)

    def extend_lock(self, key: str, until: datetime) -> None:
        if self.locks:
            with effect("s3.lock", key), s3_errors(self.name, key):
                self._client.put_object_retention(
                    Bucket=self.bucket,
                    Key=self._key(key),
                    Retention={
                        "Mode": self._settings.s3_object_lock.upper(),
                        "RetainUntilDate": until,
                    },
                )

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self.close()
