"""The Kubernetes API as the operator needs it: six verbs on dictionaries.

aiohttp is what Kopf brings; the official client would cost more memory than all of
this process (docs/adr/0040). The token is read anew for each request: kubelet rotates it.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import aiohttp

from sims_backup_operator.crds.common import GROUP, VERSION
from sims_common.errors import SimsError

Object = dict[str, Any]

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_TIMEOUT = aiohttp.ClientTimeout(total=30, connect=10)
_PAGE = 250


class Kind(Enum):
    """Path prefix and plural of what is read or written."""

    BACKUP = (f"apis/{GROUP}/{VERSION}", "backups")
    SCHEDULE = (f"apis/{GROUP}/{VERSION}", "backupschedules")
    RESTORE = (f"apis/{GROUP}/{VERSION}", "restores")
    STORAGE = (f"apis/{GROUP}/{VERSION}", "backupstorages")
    JOB = ("apis/batch/v1", "jobs")
    POD = ("api/v1", "pods")
    CONFIG_MAP = ("api/v1", "configmaps")
    EVENT = ("api/v1", "events")
    DEPLOYMENT = ("apis/apps/v1", "deployments")
    LEASE = ("apis/coordination.k8s.io/v1", "leases")

    @property
    def plural(self) -> str:
        return self.value[1]


OWN_KINDS = (Kind.STORAGE, Kind.BACKUP, Kind.RESTORE, Kind.SCHEDULE)


class ApiError(SimsError):
    """The API server said no, or nothing."""

    code = "KUBERNETES_API"
    title = "The Kubernetes API refused"


class NotThere(ApiError):
    """404: the object is gone."""


class Exists(ApiError):
    """409 on create: somebody made it before."""


class Changed(ApiError):
    """409 on patch: somebody wrote since it was read."""


class Forbidden(ApiError):
    """403: the Role lacks a verb, a policy refused, or the namespace is being deleted."""


class Api(Protocol):
    """Every method raises ``ApiError``; ``get`` returns None for what is not there."""

    async def get(self, kind: Kind, name: str, *, part: str = "") -> Object | None: ...

    async def list(self, kind: Kind, labels: Mapping[str, str] | None = None) -> list[Object]: ...

    async def create(self, kind: Kind, body: Object) -> Object: ...

    async def patch(self, kind: Kind, name: str, body: Object, *, part: str = "") -> Object: ...

    async def delete(self, kind: Kind, name: str, *, uid: str = "") -> None: ...

    async def log(self, pod: str, *, tail: int | None = None) -> str: ...


@dataclass(frozen=True)
class Connection:
    """Where the API server is, and the namespace that is served."""

    server: str
    namespace: str
    tls: ssl.SSLContext | None
    token_file: Path | None

    @classmethod
    def in_cluster(cls, namespace: str) -> Connection:
        tls = ssl.create_default_context(cafile=str(_ACCOUNT / "ca.crt"))
        return cls("https://kubernetes.default.svc", namespace, tls, _ACCOUNT / "token")

    def headers(self) -> dict[str, str]:
        if self.token_file is None:
            return {}
        return {"Authorization": f"Bearer {self.token_file.read_text(encoding='utf-8').strip()}"}


class HttpApi:
    """``Api`` over HTTP; use as an async context manager."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=_TIMEOUT)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, kind: Kind, name: str, *, part: str = "") -> Object | None:
        try:
            return await self._json("GET", self._path(kind, name, part))
        except NotThere:
            return None

    async def list(self, kind: Kind, labels: Mapping[str, str] | None = None) -> list[Object]:
        selector = ",".join(f"{key}={value}" for key, value in (labels or {}).items())
        found: list[Object] = []
        parameters = {"limit": str(_PAGE), **({"labelSelector": selector} if selector else {})}
        while True:
            page = await self._json("GET", self._path(kind), parameters=parameters)
            found += page["items"]
            more = page["metadata"].get("continue")
            if not more:
                return found
            parameters["continue"] = more

    async def create(self, kind: Kind, body: Object) -> Object:
        try:
            return await self._json("POST", self._path(kind), body=body)
        except Changed as error:
            raise Exists(error.detail) from error

    async def patch(self, kind: Kind, name: str, body: Object, *, part: str = "") -> Object:
        """A merge patch; with ``metadata.resourceVersion`` in it a conditional one."""
        return await self._json("PATCH", self._path(kind, name, part), body=body)

    async def delete(self, kind: Kind, name: str, *, uid: str = "") -> None:
        """What is gone already is fine. Dependants go too, in the background."""
        body: Object = {"propagationPolicy": "Background"}
        if uid:
            body["preconditions"] = {"uid": uid}
        try:
            await self._json("DELETE", self._path(kind, name), body=body)
        except NotThere:
            return

    async def log(self, pod: str, *, tail: int | None = None) -> str:
        parameters = {"container": "engine"}
        if tail is not None:
            parameters["tailLines"] = str(tail)
        return await self._text("GET", self._path(Kind.POD, pod, "log"), parameters=parameters)

    def _path(self, kind: Kind, name: str = "", part: str = "") -> str:
        prefix, plural = kind.value
        parts = [prefix, "namespaces", self._connection.namespace, plural, name, part]
        return "/".join(item for item in parts if item)

    async def _json(
        self,
        method: str,
        path: str,
        *,
        body: Object | None = None,
        parameters: Mapping[str, str] | None = None,
    ) -> Object:
        found: Object = json.loads(await self._text(method, path, body=body, parameters=parameters))
        return found

    async def _text(
        self,
        method: str,
        path: str,
        *,
        body: Object | None = None,
        parameters: Mapping[str, str] | None = None,
    ) -> str:
        if self._session is None:
            raise ApiError("the API client is not open")
        headers = self._connection.headers()
        if body is not None:
            kind = "merge-patch+json" if method == "PATCH" else "json"
            headers["Content-Type"] = f"application/{kind}"
        try:
            async with self._session.request(
                method,
                f"{self._connection.server}/{path}",
                data=json.dumps(body) if body is not None else None,
                params=parameters,
                headers=headers,
                ssl=self._connection.tls if self._connection.tls is not None else True,
            ) as answer:
                text = await answer.text(errors="replace")
                if answer.status >= 400:  # noqa: PLR2004  the start of HTTP's errors
                    raise _error(answer.status, method, path, text)
                return text
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ApiError(f"{method} {path}: {type(error).__name__}: {error}") from error


def _error(status: int, method: str, path: str, text: str) -> ApiError:
    kinds: dict[int, type[ApiError]] = {403: Forbidden, 404: NotThere, 409: Changed}
    try:
        why = str(json.loads(text).get("message", ""))
    except (ValueError, AttributeError):
        why = text[:200]
    return kinds.get(status, ApiError)(f"{method} {path}: {status} {why}")
