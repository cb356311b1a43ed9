"""The Kubernetes API as a pod of the release sees it: Secrets, by name, nothing else.

A client library would weigh more than the rest of the image for two verbs.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sims_common.errors import SimsError

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
TIMEOUT = 10.0  # seconds for connecting and for each read
NOT_FOUND, CONFLICT = 404, 409
MERGE_PATCH = "application/merge-patch+json"


class ClusterError(SimsError):
    code = "CLUSTER"
    title = "The Kubernetes API refused or does not answer"


class Refused(ClusterError):
    """An answer that is not a success; ``http_status`` says why."""

    def __init__(self, http_status: int, message: str) -> None:
        super().__init__(message)
        self.http_status = http_status


@dataclass(frozen=True)
class Kube:
    """``token`` is never shown; ``context`` None means plain HTTP (tests)."""

    host: str
    port: int
    token: str
    context: ssl.SSLContext | None

    @classmethod
    def of_this_pod(cls, account: Path = ACCOUNT) -> Kube:
        """Raises ``ClusterError`` outside a pod, or in one without a service account's token."""
        try:
            host = os.environ["KUBERNETES_SERVICE_HOST"]
            port = int(os.environ["KUBERNETES_SERVICE_PORT"])
            token = (account / "token").read_text(encoding="ascii").strip()
            context = ssl.create_default_context(cafile=str(account / "ca.crt"))
        except (KeyError, OSError) as error:
            raise ClusterError(
                f"This is no pod with a service account's token ({error}). The chart runs this"
                " command; to make Secrets by hand use `kubectl create secret`."
            ) from error
        return cls(host, port, token, context)

    def secret(self, namespace: str, name: str) -> dict[str, Any] | None:
        """The Secret, None when there is none."""
        try:
            return self._ask("GET", f"/api/v1/namespaces/{namespace}/secrets/{name}")
        except Refused as refused:
            if refused.http_status == NOT_FOUND:
                return None
            raise

    def create_secret(self, namespace: str, body: dict[str, Any]) -> None:
        """Raises ``Refused`` with 409 when there is one of that name."""
        self._ask("POST", f"/api/v1/namespaces/{namespace}/secrets", body)

    def patch_secret(self, namespace: str, name: str, body: dict[str, Any]) -> None:
        """Raises ``Refused`` with 409 when it is not of the version in ``body``."""
        self._ask("PATCH", f"/api/v1/namespaces/{namespace}/secrets/{name}", body)

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = MERGE_PATCH if method == "PATCH" else "application/json"
        connection = self._connection()
        try:
            connection.request(method, path, json.dumps(body) if body else None, headers)
            response = connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ClusterError(
                f"The Kubernetes API at {self.host}:{self.port} does not answer: {error}. Look at"
                " the NetworkPolicies of the namespace; this pod needs TCP 443 and 6443."
            ) from error
        finally:
            connection.close()
        if response.status >= http.HTTPStatus.BAD_REQUEST:
            raise Refused(response.status, answer.get("message", f"status {response.status}"))
        return answer

    def _connection(self) -> http.client.HTTPConnection:
        if self.context is None:
            return http.client.HTTPConnection(self.host, self.port, timeout=TIMEOUT)
        return http.client.HTTPSConnection(
            self.host, self.port, timeout=TIMEOUT, context=self.context
        )
