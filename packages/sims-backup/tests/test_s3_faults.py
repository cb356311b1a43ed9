"""A store that misbehaves: nothing bad is published, nothing hangs, nothing is left."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from sims_backup.engine.backup import take_backup
from sims_backup.engine.context import Context
from sims_backup.engine.prune import prune
from sims_backup.engine.restore import Request, restore
from sims_backup.engine.verify import verify_set
from sims_backup.errors import BackupError, DeadlinePassed, StoreUnavailable
from sims_backup.settings import BackupSettings
from sims_backup.testing.faults import Fault, FaultProxy, Seen
from sims_backup.testing.s3 import S3Server

DEADLINE = 40.0  # seconds; every run here must end well before the test's own limit


@pytest.fixture
def faulty(
    values: dict[str, Any], s3_server: S3Server, bucket: str, proxy: FaultProxy, school: Any
) -> dict[str, Any]:
    """Settings that reach the store through the proxy; one table is large enough for parts."""
    school.server.run(
        school.name,
        "CREATE TABLE scan (page bytea)",
        "ALTER TABLE scan ALTER page SET STORAGE EXTERNAL",
        "INSERT INTO scan SELECT string_agg(sha256((n * 1000 + m)::text::bytea), '')"
        " FROM generate_series(1, 350) n, generate_series(1, 600) m GROUP BY n",
    )
    return {
        **values,
        **s3_server.settings(s3_endpoint=f"http://127.0.0.1:{proxy.port}"),
        "backup_targets": f"s3://{bucket}/x",
        "s3_read_timeout": 2.0,
        "s3_connect_timeout": 2.0,
        "s3_attempts": 3,
        "backup_deadline": DEADLINE,
        "backup_split_size": 2_000_000,
    }


def attempt(values: dict[str, Any]) -> str | BackupError:
    """The id of the set, or the error."""
    began = time.monotonic()
    try:
        with Context.open(BackupSettings(**values)) as context:
            return take_backup(context).id
    except BackupError as error:
        return error
    finally:
        assert time.monotonic() - began < DEADLINE + 20


def require_sound(
    values: dict[str, Any], server: S3Server, outcome: str | BackupError, proxy: FaultProxy
) -> None:
    """What is listed is whole; after prune nothing else is there."""
    proxy.reset()
    with Context.open(BackupSettings(**values)) as context:
        contents = context.repository.contents()
        assert contents.damaged == {}
        ids = [item.id for item in contents.sets]
        assert ids == ([outcome] if isinstance(outcome, str) else [])
        for item in contents.sets:
            assert verify_set(context, item, mark=False).passed
        prune(context, dry_run=False)
        assert context.repository.contents().unfinished == []
    bucket = values["backup_targets"].removeprefix("s3://").split("/")[0]
    assert server.unfinished_uploads(bucket) == []


def on(operation: str, first: int = 1, last: int = 10_000) -> Callable[[Seen], bool]:
    """True for the nth to mth request of an operation."""
    count = 0

    def when(seen: Seen) -> bool:
        nonlocal count
        count += seen.operation == operation
        return seen.operation == operation and first <= count <= last

    return when


def _from(number: int) -> Callable[[Seen], bool]:
    return lambda seen: seen.number >= number


TRANSIENT = [
    pytest.param(Fault("status", on("PutObject", 2, 3), code=500), id="500-put"),
    pytest.param(Fault("status", on("PutObject", 4, 5), code=503), id="503-put"),
    pytest.param(Fault("status", on("UploadPart", 1, 2), code=503), id="503-part"),
    pytest.param(Fault("status", on("CreateMultipartUpload", 1, 1), code=500), id="500-create"),
    pytest.param(Fault("status", on("GetObject", 1, 2), code=503), id="503-read-back"),
    pytest.param(Fault("hang", on("UploadPart", 2, 2)), id="hang-part"),
    pytest.param(Fault("hang", on("GetObject", 3, 3)), id="hang-get"),
    pytest.param(Fault("reset", on("UploadPart", 1, 1), after=1_000_000), id="reset-part"),
    pytest.param(Fault("reset", on("PutObject", 3, 3), after=10), id="reset-put"),
    pytest.param(Fault("truncate", on("GetObject", 2, 3), after=100), id="cut-get"),
    pytest.param(Fault("lost", on("CompleteMultipartUpload", 1, 1)), id="lost-complete"),
    pytest.param(Fault("lost", on("PutObject", 1, 1)), id="lost-first-put"),
    pytest.param(Fault("lost", on("PutObject", 6, 6)), id="lost-put"),
    pytest.param(Fault("lost", on("UploadPart", 1, 1)), id="lost-part"),
]


@pytest.mark.parametrize("fault", TRANSIENT)
def test_faults_that_pass_are_survived(
    faulty: dict[str, Any], s3_server: S3Server, proxy: FaultProxy, fault: Fault
) -> None:
    proxy.reset(fault)
    outcome = attempt(faulty)
    assert proxy.hit > 0
    assert isinstance(outcome, str), outcome
    require_sound(faulty, s3_server, outcome, proxy)


LASTING = [
    pytest.param(Fault("status", on("PutObject", 3), code=500), id="500-for-ever"),
    pytest.param(Fault("status", on("UploadPart", 2), code=403), id="403-mid-upload"),
    pytest.param(Fault("status", on("CompleteMultipartUpload"), code=500), id="500-complete"),
    pytest.param(Fault("hang", on("UploadPart", 1)), id="hang-for-ever"),
    pytest.param(Fault("hang", on("GetObject", 2)), id="hang-reading"),
    pytest.param(Fault("wrong_etag", on("UploadPart", 1, 1)), id="wrong-etag"),
    pytest.param(Fault("truncate", on("GetObject", 1), after=0), id="always-cut"),
    pytest.param(Fault("reset", on("PutObject", 5), after=5), id="reset-for-ever"),
    pytest.param(Fault("status", on("ListObjects", 1), code=503), id="listing-fails"),
]


@pytest.mark.parametrize("fault", LASTING)
def test_lasting_faults_publish_nothing(
    faulty: dict[str, Any], s3_server: S3Server, proxy: FaultProxy, fault: Fault
) -> None:
    proxy.reset(fault)
    outcome = attempt(faulty)
    assert proxy.hit > 0
    assert isinstance(outcome, BackupError)
    bucket = faulty["backup_targets"].removeprefix("s3://").split("/")[0]
    assert s3_server.unfinished_uploads(bucket) == []  # aborted at once, before any prune
    assert "s3://" in outcome.detail
    assert str(faulty["s3_secret_access_key"].get_secret_value()) not in outcome.detail
    require_sound(faulty, s3_server, outcome, proxy)


def test_the_manifest_itself_may_be_lost_or_refused(
    faulty: dict[str, Any], s3_server: S3Server, proxy: FaultProxy
) -> None:
    def manifest(seen: Seen) -> bool:
        return seen.method == "PUT" and "manifest.json" in seen.path

    for kind, fine in (("lost", True), ("status", False)):
        proxy.reset(Fault(kind, manifest, code=500))  # type: ignore[arg-type]  # two of its kinds
        outcome = attempt(faulty)
        assert isinstance(outcome, str) is fine, outcome
        proxy.reset()
        with Context.open(BackupSettings(**faulty)) as context:
            found = context.repository.contents()
            assert len(found.sets) == 1
            assert found.damaged == {}


def test_a_crawling_store_ends_at_the_deadline(
    faulty: dict[str, Any], s3_server: S3Server, proxy: FaultProxy
) -> None:
    values = {**faulty, "backup_deadline": 6.0}
    proxy.reset(Fault("slow", on("GetObject", 1)))
    began = time.monotonic()
    outcome = attempt(values)
    assert isinstance(outcome, DeadlinePassed)
    assert time.monotonic() - began < 30
    require_sound(faulty, s3_server, outcome, proxy)


@pytest.mark.long
def test_every_request_of_a_backup_fails_once_for_good(
    faulty: dict[str, Any], s3_server: S3Server, proxy: FaultProxy
) -> None:
    """Exhaustive: from request n on, the store answers 503 to everything."""
    values = {**faulty, "s3_attempts": 1}
    proxy.reset()
    first = attempt(values)
    assert isinstance(first, str)
    total = len(proxy.seen)
    for number in range(1, total + 1):
        proxy.reset(Fault("status", _from(number), code=503))
        outcome = attempt(values)
        proxy.reset()
        with Context.open(BackupSettings(**values)) as context:
            contents = context.repository.contents()
            assert contents.damaged == {}
            for item in contents.sets:
                assert verify_set(context, item, mark=False).passed, (number, outcome)
            prune(context, dry_run=False)
            assert context.repository.contents().unfinished == []
        bucket = values["backup_targets"].removeprefix("s3://").split("/")[0]
        assert s3_server.unfinished_uploads(bucket) == []


def test_restore_from_a_failing_store_leaves_the_live_data(
    faulty: dict[str, Any], proxy: FaultProxy, school: Any
) -> None:
    proxy.reset()
    made = attempt(faulty)
    assert isinstance(made, str)
    school.add_student()
    for fault in (
        Fault("status", on("GetObject", 5), code=403),
        Fault("truncate", on("GetObject", 6), after=50),
        Fault("hang", on("GetObject", 7)),
    ):
        proxy.reset()
        with Context.open(BackupSettings(**faulty)) as context:
            manifest = context.repository.find(made).manifest
            proxy.reset(fault)
            with pytest.raises(StoreUnavailable):
                restore(context, Request(manifest, safety_backup=False))
        assert proxy.hit > 0
        assert school.students() == 301
        assert school.extra_databases() == [school.name]
