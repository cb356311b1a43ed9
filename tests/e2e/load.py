"""Requests at a steady rate while something else happens, each of them accounted for."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from .release import HOST, Release

RATE = 50  # requests a second
LIMIT = 20_000  # requests: the end, if nobody says stop


@dataclass
class Load:
    """Four reads, then one write; ``created`` are the codes of departments that were accepted."""

    url: str
    token: str
    mark: str
    sent: int = 0
    failed: list[str] = field(default_factory=list)
    created: list[str] = field(default_factory=list)
    slowest: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        asyncio.run(self._run())

    def stop(self) -> None:
        self._stop.set()

    async def _run(self) -> None:
        headers = {"Host": HOST, "Authorization": f"Bearer {self.token}"}
        limits = httpx.Limits(max_connections=200)
        async with (
            httpx.AsyncClient(
                base_url=self.url, headers=headers, timeout=30, limits=limits
            ) as client,
            asyncio.TaskGroup() as group,
        ):
            start = time.monotonic()
            while not self._stop.is_set() and self.sent < LIMIT:
                await asyncio.sleep(max(0.0, start + self.sent / RATE - time.monotonic()))
                self.sent += 1
                group.create_task(self._one(client, self.sent))

    async def _one(self, client: httpx.AsyncClient, number: int) -> None:
        began = time.monotonic()
        try:
            if number % 5 == 0:
                code = f"{self.mark}{number}"
                body = {"name": f"Department {code}", "code": code}
                answer = await client.post("/api/academics/departments/", json=body)
                if answer.status_code == 201:
                    self.created.append(code)
            else:
                answer = await client.get("/api/students/", params={"page_size": 5})
        except httpx.HTTPError as error:
            self.failed.append(f"request {number}: {error!r}")
            return
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.statuses[answer.status_code] += 1
        if not answer.is_success:
            self.failed.append(f"request {number}: {answer.status_code} {answer.text[:200]}")


@contextmanager
def load(release: Release, mark: str) -> Iterator[Load]:
    """Runs beside the block; ends before the block's end is reached by its caller."""
    found = Load(release.url, release.token("admin"), mark)
    thread = threading.Thread(target=found.run, name="load")
    thread.start()
    try:
        yield found
    finally:
        found.stop()
        thread.join(60)
