"""versitygw, a real S3 server: checks signatures, checksums, conditions and object locks."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from sims_backup.settings import S3Settings
from sims_backup.storage.s3_client import connect
from sims_backup.testing.ports import free_port, wait_for

HOW = (
    "versitygw is not here. It is one file: download it from "
    "https://github.com/versity/versitygw/releases, or build it with "
    "`go install github.com/versity/versitygw/cmd/versitygw@v1.8.0`, and put it on PATH or name "
    "it in SIMS_TEST_VERSITYGW. SIMS_TEST_WITHOUT_S3=1 skips the tests that need S3"
)


def find_versitygw() -> str | None:
    return os.environ.get("SIMS_TEST_VERSITYGW") or shutil.which("versitygw")


class S3Server:
    """One server with a random account; each ``bucket()`` is new."""

    def __init__(self, binary: str, *, versioning: bool = False, parent: str | None = None) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="sims-s3-", dir=parent))
        self.root = self._home / "root"
        self.root.mkdir()
        self.port = free_port()
        self.access, self.secret = (
            "test" + secrets.token_hex(4),
            secrets.token_hex(16),
        )  # pragma: allowlist secret
        self._log = (self._home / "log").open("wb")
        options = ["--versioning-dir", str(self._home / "versions")] if versioning else []
        if versioning:
            (self._home / "versions").mkdir()
        self.process = subprocess.Popen(  # noqa: S603  our own server
            [binary, "-q", "--port", f"127.0.0.1:{self.port}", "posix", *options, str(self.root)],
            stdout=self._log,
            stderr=self._log,
            env={
                "ROOT_ACCESS_KEY": self.access,
                "ROOT_SECRET_KEY": self.secret,
                "PATH": os.environ.get("PATH", ""),
            },
        )
        wait_for(self.port)

    def settings(self, **overrides: Any) -> dict[str, Any]:
        return {
            "s3_endpoint": f"http://127.0.0.1:{self.port}",
            "s3_access_key_id": self.access,
            "s3_secret_access_key": SecretStr(self.secret),
            "s3_part_size": 5 * 1024**2,
            **overrides,
        }

    def client(self) -> Any:
        return connect(S3Settings(**self.settings()), pool=4)

    def bucket(self, *, lock: bool = False) -> str:
        name = f"b{secrets.token_hex(8)}"
        client = self.client()
        arguments = {"ObjectLockEnabledForBucket": True} if lock else {}
        client.create_bucket(Bucket=name, **arguments)
        client.close()
        return name

    def unfinished_uploads(self, bucket: str) -> list[str]:
        client = self.client()
        found = client.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
        client.close()
        return [item["Key"] for item in found]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)
        self._log.close()
        shutil.rmtree(self._home, ignore_errors=True)
