"""Reading an object that may break off: continues with a range request, same ETag."""

from __future__ import annotations

import io
from typing import Any

from botocore.exceptions import (  # type: ignore[import-untyped]  # no types shipped
    BotoCoreError,
    ClientError,
    IncompleteReadError,
)
from typing_extensions import override
from urllib3.exceptions import HTTPError

from sims_backup.errors import StoreUnavailable
from sims_backup.storage.s3_client import s3_errors

_RESUMES = 5
_BROKEN = (BotoCoreError, HTTPError, OSError, IncompleteReadError)


class S3Body(io.RawIOBase):
    """A download; a broken connection is resumed up to five times, then an error."""

    def __init__(
        self, client: Any, bucket: str, key: str, answer: dict[str, Any], store: str
    ) -> None:
        self._client, self._bucket, self._name, self._store = client, bucket, key, store
        self._body: Any = answer["Body"]
        self._etag = answer.get("ETag")
        self._size = int(answer["ContentLength"])
        self._at = 0
        self._resumed = 0

    @override
    def readable(self) -> bool:
        return True

    @override
    def read(self, size: int = -1, /) -> bytes:
        want = self._size - self._at if size < 0 else min(size, self._size - self._at)
        while want > 0:
            try:
                block: bytes = self._body.read(want)
            except _BROKEN as error:
                self._resume(error)
                continue
            if block:
                self._at += len(block)
                return block
            self._resume(EOFError(f"ended at byte {self._at} of {self._size}"))
        return b""

    def _resume(self, error: Exception) -> None:
        self._resumed += 1
        if self._resumed > _RESUMES:
            raise StoreUnavailable(
                f"{self._store}: reading {self._name} broke off {self._resumed} times ({error})"
            ) from error
        self._body.close()
        arguments = {"IfMatch": self._etag} if self._etag else {}
        with s3_errors(self._store, self._name):
            try:
                answer = self._client.get_object(
                    Bucket=self._bucket, Key=self._name, Range=f"bytes={self._at}-", **arguments
                )
            except ClientError as again:
                raise StoreUnavailable(
                    f"{self._store}: {self._name} changed or vanished while it was read"
                ) from again
        self._body = answer["Body"]

    @override
    def close(self) -> None:
        self._body.close()
        super().close()
