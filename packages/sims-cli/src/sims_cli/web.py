"""Asking local HTTP ports: one GET, no proxy, no redirects, no exceptions for a closed port."""

from __future__ import annotations

import http.client
from dataclasses import dataclass
from urllib.parse import urlsplit

OK = 200


@dataclass(frozen=True)
class Answer:
    """``status`` is 0 when nobody answered; ``error`` then says why."""

    status: int
    body: bytes = b""
    error: str = ""


def get(url: str, *, timeout: float) -> Answer:
    """``timeout`` in seconds for connecting and for each read."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=timeout)
    path = parts.path or "/"
    try:
        connection.request("GET", f"{path}?{parts.query}" if parts.query else path)
        response = connection.getresponse()
        return Answer(response.status, response.read())
    except (OSError, http.client.HTTPException) as error:
        return Answer(0, error=str(error) or type(error).__name__)
    finally:
        connection.close()
