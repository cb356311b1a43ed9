"""Parts that die: nothing is lost, nobody has to help."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

from .cluster import Cluster, Resource, eventually, is_ready, restarts
from .release import Release
from .test_tour import ask

TARPIT = (Path(__file__).parent / "manifests" / "tarpit.yaml").read_text(encoding="utf-8")
NOT_READY_WITHIN = timedelta(seconds=10)
"""After the database has gone; the promise of issue and manual, kept by the probe's figures."""

NOBODY = (404, 502, 503)  # what Ingress controllers say of a Service without ready pods


def _condition(pod: Resource, kind: str) -> Resource:
    found: Resource = next(c for c in pod["status"]["conditions"] if c["type"] == kind)
    return found


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_dead_database_makes_the_api_unready_and_restarts_nothing(
    cluster: Cluster, sims: Release
) -> None:
    before = {p["metadata"]["uid"]: restarts(p) for p in _stateless(sims)}
    with sims.away("postgresql"):
        gone = datetime.now(UTC)
        eventually("no pod of the API is ready", lambda: not any(map(is_ready, sims.pods("api"))))
        changed = [_time(_condition(p, "Ready")["lastTransitionTime"]) for p in sims.pods("api")]
        assert max(changed) - gone <= NOT_READY_WITHIN, f"{changed}, gone at {gone}"
        eventually("the Ingress leads to nobody", lambda: _status(sims) in NOBODY)
        eventually("30 s have gone by", lambda: datetime.now(UTC) > gone + timedelta(seconds=30))
        assert {_alive(sims, pod) for pod in sims.pods("api")} == {"200"}
        assert {p["metadata"]["uid"]: restarts(p) for p in _stateless(sims)} == before

    sims.wait_ready("postgresql", "api", "worker")
    with sims.sign_in("registrar") as registrar:
        assert registrar.get("/api/students/").json()["count"] > 0
    assert {p["metadata"]["uid"]: restarts(p) for p in _stateless(sims)} == before


def _status(sims: Release) -> int:
    with sims.client() as client:
        return client.get("/api/students/").status_code


def _stateless(sims: Release) -> list[Resource]:
    return sims.pods("api", "worker")


def _alive(sims: Release, pod: Resource) -> str:
    """What liveness hears; asked inside, as no Service leads to a pod that is not ready."""
    code = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8000/livez').status)"
    return sims.exec(pod["metadata"]["name"], "python", "-c", code).strip()


def test_a_wiped_queue_loses_no_transcript_and_the_api_stays_ready(
    cluster: Cluster, sims: Release
) -> None:
    domain = f"{secrets.token_hex(4)}.example"
    ready_since = {p["metadata"]["uid"]: _condition(p, "Ready") for p in sims.pods("api")}
    with sims.sign_in("registrar") as registrar:
        student = registrar.get("/api/students/").json()["results"][0]["id"]
        wanted = [f"before-{n}@{domain}" for n in range(15)]
        for address in wanted:
            ask(registrar, student, address)
        during = [f"during-{n}@{domain}" for n in range(15)]
        with sims.away("redis"):
            eventually("health has seen it", lambda: _redis(sims) == "fail")
            for address in during:
                ask(registrar, student, address)
            assert sims.healthy()
            now = {p["metadata"]["uid"]: _condition(p, "Ready") for p in sims.pods("api")}
            assert now == ready_since, "no pod was unready for a moment"
    everyone = sorted(wanted + during)
    eventually(
        "every transcript has arrived", lambda: _arrived(sims, domain) == everyone, timeout=240
    )


def _redis(sims: Release) -> str:
    with sims.client() as client:
        found: str = client.get("/api/health/").json()["checks"]["redis"]["status"]
    return found


def _arrived(sims: Release, domain: str) -> list[str]:
    return sorted(to for to in sims.mailbox.recipients() if to.endswith(f"@{domain}"))


def test_a_worker_killed_in_the_middle_of_a_job_is_replaced_by_another(
    cluster: Cluster, sims: Release
) -> None:
    address = f"held@{secrets.token_hex(4)}.example"
    image = sims.pods("api")[0]["spec"]["containers"][0]["image"]
    cluster.apply(TARPIT.replace("{image}", image), sims.namespace)
    eventually("the tarpit", lambda: is_ready(cluster.get("pod", "tarpit", sims.namespace)))
    try:
        _send_mail_to(sims, "tarpit")
        with sims.sign_in("registrar") as registrar:
            student = registrar.get("/api/students/").json()["results"][0]["id"]
            where = ask(registrar, student, address).headers["Location"]
            eventually(
                "a worker hangs in the relay",
                lambda: registrar.get(where).json()["state"] == "sending",
            )
            first = _holder(sims)
            pod = next(p for p in sims.pods("worker") if p["metadata"]["name"] in first)
            name = pod["metadata"]["name"]
            sims.kubectl("delete", "pod", name, "--grace-period=0", "--force")
            _send_mail_to(sims, "mailpit")
            eventually("the mail arrived", lambda: sims.mailbox.to(address))
            eventually("sent", lambda: registrar.get(where).json()["state"] == "sent")
    finally:
        _send_mail_to(sims, "mailpit")
        sims.kubectl("delete", "pod", "tarpit", "--wait=false")
    assert len(sims.mailbox.to(address)) == 1
    crashes, second = sims.sql(
        "SELECT crashes, worker FROM outbox ORDER BY created_at DESC LIMIT 1"
    ).split("|")
    assert int(crashes) == 1
    assert second != first


def _send_mail_to(sims: Release, name: str) -> None:
    patch = {"spec": {"selector": {"app.kubernetes.io/name": name}}}
    sims.kubectl("patch", "service", "mailpit", "--patch", json.dumps(patch))


def _holder(sims: Release) -> str:
    """The worker that has the running job."""
    return sims.sql("SELECT worker FROM outbox WHERE state = 'running' LIMIT 1")
