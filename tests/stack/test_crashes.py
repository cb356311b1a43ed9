"""Killed workers and a wiped queue lose no transcript and send none twice."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections import Counter

import httpx
import psutil
import pytest

from .conftest import Installation, eventually

pytestmark = pytest.mark.slow


def _kill(installation: Installation, name: str) -> int:
    pid = installation.pid(name)
    os.kill(pid, signal.SIGKILL)
    return pid


def _back(installation: Installation, name: str, old: int) -> bool:
    pid = installation.pid(name)
    return pid != old and psutil.pid_exists(pid)


def test_every_transcript_arrives_once_although_worker_and_queue_die(
    installation: Installation,
) -> None:
    installation.up()
    with installation.sign_in("registrar") as registrar:
        students = registrar.get("/api/students/", params={"page_size": 200}).json()["results"]
        wanted = {_ask(registrar, s["id"], f"{n}-{s['id']}") for n in range(3) for s in students}
        batch = registrar.post(
            "/api/transcripts/batches/", json={"student_ids": [s["id"] for s in students]}
        ).json()

        eventually("the first mails", lambda: len(installation.messages()) >= 3)
        for _ in range(2):
            worker = _kill(installation, "worker")
            eventually("a new worker", lambda old=worker: _back(installation, "worker", old))  # type: ignore[misc]
            time.sleep(1)
        valkey = _kill(installation, "valkey")
        shutil.rmtree(installation.home / "valkey" / "data")
        eventually("a new Valkey", lambda: _back(installation, "valkey", valkey))

        eventually(
            "the batch is done",
            lambda: _progress(registrar, batch["id"])["done"] == len(students),
            timeout=240,
        )
        eventually("every request is sent", lambda: _states(registrar) == {"sent"}, timeout=240)

    mails = installation.messages()
    to = Counter(mail["recipient"] for mail in mails)
    assert {address for address in to if address.endswith("@single.example")} == wanted
    own = {s["email"] for s in students}
    assert {address for address in to if not address.endswith("@single.example")} == own
    assert set(to.values()) == {1}, "each mail is kept once, under its Message-ID"


def _ask(registrar: httpx.Client, student_id: int, name: str) -> str:
    address = f"{name}@single.example"
    answer = registrar.post(
        "/api/transcripts/enqueue/", json={"student_id": student_id, "email": address}
    )
    assert answer.status_code == 202, answer.text
    return address


def _progress(registrar: httpx.Client, batch: str) -> dict[str, int]:
    found: dict[str, int] = registrar.get(f"/api/transcripts/batches/{batch}/").json()
    return found


def _states(registrar: httpx.Client) -> set[str]:
    page = registrar.get("/api/transcripts/requests/", params={"page_size": 200}).json()
    assert page["next"] is None
    return {request["state"] for request in page["results"]}
