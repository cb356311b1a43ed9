"""Mailpit's REST API, reached through the Kubernetes API."""

from __future__ import annotations

import email
import json
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from typing import Any
from urllib.parse import quote

from .cluster import Cluster


@dataclass(frozen=True)
class Mailbox:
    cluster: Cluster
    namespace: str

    @property
    def _base(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/services/mailpit:http/proxy/api/v1"

    def to(self, address: str) -> list[dict[str, Any]]:
        """The mails to one address."""
        query = quote(f'to:"{address}"')
        found = json.loads(self.cluster.raw(f"{self._base}/search?query={query}&limit=50"))
        messages: list[dict[str, Any]] = found["messages"]
        return messages

    def recipients(self) -> list[str]:
        """Of every mail, one entry for each."""
        found = json.loads(self.cluster.raw(f"{self._base}/messages?limit=2000"))
        return [to["Address"] for message in found["messages"] for to in message["To"]]

    def message(self, id_: str) -> EmailMessage:
        """The mail as it came."""
        raw = self.cluster.raw(f"{self._base}/message/{id_}/raw")
        found = email.message_from_bytes(raw, policy=policy.default)
        assert isinstance(found, EmailMessage)
        return found
