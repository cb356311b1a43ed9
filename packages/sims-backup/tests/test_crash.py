"""Death at every side effect, and at random moments: no half set, no leftover, no mix.

``-m long`` runs every step and edge; the default run takes a spread of them.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from sims_backup.engine.backup import take_backup
from sims_backup.engine.context import Context
from sims_backup.engine.prune import prune
from sims_backup.engine.recover import recover
from sims_backup.engine.restore import Request, restore
from sims_backup.engine.verify import verify_set
from sims_backup.postgres.journal import Journal
from sims_backup.repository import SHARED, STORE
from sims_backup.settings import BackupSettings
from sims_backup.steps import Edge
from sims_backup.testing.crash import Zygote

EDGES: tuple[Edge, ...] = ("before", "after")
SPREAD = 7  # the default run takes every seventh step


@pytest.fixture(params=["local", "s3"])
def stored(request: pytest.FixtureRequest, values: dict[str, Any]) -> dict[str, Any]:
    """Settings for a store of either kind, able to cross a process border."""
    if request.param == "local":
        return values
    server = request.getfixturevalue("s3_server")
    s3 = {**server.settings(), "s3_secret_access_key": server.secret}
    bucket = request.getfixturevalue("bucket")
    return {**values, **s3, "backup_targets": f"s3://{bucket}/school"}


def opened(values: dict[str, Any]) -> Context:
    return Context.open(BackupSettings(**values))


def deaths(steps: int, whole: bool) -> list[tuple[int, Edge]]:
    every = [(n, edge) for n in range(1, steps + 1) for edge in EDGES]
    return every if whole else every[:: 2 * SPREAD + 1]


def count_steps(zygote: Zygote, call: str, values: dict[str, Any], **arguments: Any) -> int:
    """Steps of a run that is left alone."""
    run = zygote.run(call, values, **arguments)
    assert run.code == 0, run.error
    assert run.steps >= 5
    return run.steps


def require_all_listed_good(context: Context) -> list[str]:
    """Every set that a listing shows verifies completely; returns ids."""
    contents = context.repository.contents()
    assert contents.damaged == {}
    for item in contents.sets:
        result = verify_set(context, item, mark=False)
        assert result.passed, result.problems
    return [item.id for item in contents.sets]


def require_clean(values: dict[str, Any], school: Any) -> None:
    """After prune nothing is left but whole sets and what they need."""
    with opened(values) as context:
        with context.lock() as lock:
            recover(context, lock.connection)
        prune(context, dry_run=False)
        contents = context.repository.contents()
        assert contents.unfinished == []
        known = {item.id for item in contents.sets} | SHARED | {STORE}
        stray = {i.key for i in context.storage.walk("") if i.key.split("/")[0] not in known}
        assert stray == set()
        assert context.storage.sweep_uploads() == 0
    assert list(Path(values["backup_staging_dir"]).iterdir()) == []
    kept = {name for name in school.extra_databases() if "__new_" in name or "__drill_" in name}
    with school.server.connect() as connection:
        undone = {e.scratch for e in Journal(connection).entries() if e.state == "undone"}
    assert kept <= undone


def require_restorable(values: dict[str, Any], school: Any, set_id: str, students: int) -> None:
    name = f"{school.name}_proof"
    with opened(values) as context:
        restore(context, Request(context.repository.find(set_id).manifest, into=name))
    assert school.server.rows(name, "SELECT count(*) FROM student") == [(students,)]
    school.server.drop(name)


def crash_backup(zygote: Zygote, stored: dict[str, Any], school: Any, *, whole: bool) -> None:
    with opened(stored) as context:
        first = take_backup(context).id
    steps = count_steps(zygote, "backup", stored)
    published: set[str] = set()
    for step, edge in deaths(steps, whole):
        (school.media / "photos" / "next.jpg").write_bytes(random.randbytes(500))
        death = zygote.run("backup", stored, step=step, edge=edge)
        assert death.killed or death.code == 0, f"{step} {edge}: {death.error}"
        with opened(stored) as context:
            ids = require_all_listed_good(context)
        assert first in ids
        published |= set(ids)
        if step % SPREAD == 0:
            require_clean(stored, school)
    require_clean(stored, school)
    with opened(stored) as context:
        last = take_backup(context).id
    require_restorable(stored, school, first, 300)
    require_restorable(stored, school, last, 300)


def test_backup_killed_at_some_steps(zygote: Zygote, stored: dict[str, Any], school: Any) -> None:
    crash_backup(zygote, stored, school, whole=False)


@pytest.mark.long
def test_backup_killed_at_every_step(zygote: Zygote, stored: dict[str, Any], school: Any) -> None:
    crash_backup(zygote, stored, school, whole=True)


def state_of(school: Any) -> tuple[int, bytes]:
    """What identifies old and new: rows in the database, content of a media file."""
    return school.students(), (school.media / "photos" / "ü 1.jpg").read_bytes()


def crash_restore(zygote: Zygote, values: dict[str, Any], school: Any, *, whole: bool) -> None:
    """Old rows with old media, or new rows with new media, once the journal is settled."""
    photo = school.media / "photos" / "ü 1.jpg"
    then = state_of(school)
    with opened(values) as context:
        name = take_backup(context).id
    arguments: dict[str, Any] = {"name": name, "safety_backup": False}
    school.add_student()
    photo.write_bytes(b"later")
    now = state_of(school)
    steps = count_steps(zygote, "restore", values, **arguments)
    assert state_of(school) == then
    outcomes = set()
    for step, edge in deaths(steps, whole):
        reset(school, values)
        if state_of(school) != now:
            school.add_student()
            photo.write_bytes(b"later")
        assert state_of(school) == now
        death = zygote.run("restore", values, step=step, edge=edge, **arguments)
        assert death.killed or death.code == 0, f"{step} {edge}: {death.error}"
        rows = school.students()  # the live database serves at once, old or new
        assert rows in {then[0], now[0]}
        require_clean(values, school)
        found = state_of(school)
        assert found in {then, now}, f"mixed after {death.trail[-1]}"
        assert found[0] == rows
        outcomes.add(found == then)
    assert False in outcomes
    if whole:
        assert True in outcomes


def reset(school: Any, values: dict[str, Any]) -> None:
    """Back to the present by undo where a restore came through."""
    for extra in school.extra_databases():
        if extra != school.name:
            school.server.drop(extra)
    school.server.run("postgres", "DELETE FROM sims_admin.restore_journal")


def test_restore_killed_at_some_steps(zygote: Zygote, values: dict[str, Any], school: Any) -> None:
    crash_restore(zygote, values, school, whole=False)


@pytest.mark.long
def test_restore_killed_at_every_step(zygote: Zygote, values: dict[str, Any], school: Any) -> None:
    crash_restore(zygote, values, school, whole=True)


@pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.long)])
def test_undo_killed(zygote: Zygote, values: dict[str, Any], school: Any, whole: bool) -> None:
    photo = school.media / "photos" / "ü 1.jpg"
    old_photo = photo.read_bytes()
    with opened(values) as context:
        manifest = context.repository.find(take_backup(context).id).manifest
    school.add_student()
    photo.write_bytes(b"later")
    now = state_of(school)

    def restored() -> None:
        with opened(values) as context:
            restore(context, Request(manifest, safety_backup=False))
        assert state_of(school) == (300, old_photo)

    restored()
    steps = count_steps(zygote, "undo", values)
    assert state_of(school) == now
    for step, edge in deaths(steps, whole):
        restored()
        death = zygote.run("undo", values, step=step, edge=edge)
        assert death.killed or death.code == 0, death.error
        require_clean(values, school)
        if state_of(school) != now:
            assert state_of(school) == (300, old_photo), f"mixed after {death.trail[-1]}"
            assert zygote.run("undo", values).code == 0
        assert state_of(school) == now


@pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.long)])
def test_prune_killed(zygote: Zygote, stored: dict[str, Any], school: Any, whole: bool) -> None:
    policy = {"retention_days": 0, "retention_daily": 1, "retention_min_verified": 1}
    values = {**stored, **policy}

    def prepare() -> str:
        """Two more sets with media of their own; the older one is due."""
        for number in range(2):
            (school.media / "photos" / "churn.jpg").write_bytes(random.randbytes(500 + number))
            with opened(values) as context:
                last = take_backup(context).id
        return last

    prepare()
    steps = count_steps(zygote, "prune", values)
    for step, edge in deaths(steps, whole):
        last = prepare()
        death = zygote.run("prune", values, step=step, edge=edge)
        assert death.killed or death.code == 0, death.error
        with opened(values) as context:
            assert last in require_all_listed_good(context)
        require_clean(values, school)
        with opened(values) as context:
            assert require_all_listed_good(context) == [last]


@pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.long)])
def test_sync_killed(
    zygote: Zygote, values: dict[str, Any], school: Any, whole: bool, tmp_path: Path
) -> None:
    with opened(values) as context:
        made = take_backup(context).id
    steps = count_steps(zygote, "sync", values, to=str(tmp_path / "count"))
    mirror = {**values, "backup_targets": str(tmp_path / "mirror")}
    for step, edge in deaths(steps, whole):
        death = zygote.run("sync", values, step=step, edge=edge, to=mirror["backup_targets"])
        assert death.killed or death.code == 0, death.error
        with opened(mirror) as context:
            assert require_all_listed_good(context) in ([], [made])
    assert zygote.run("sync", values, to=mirror["backup_targets"]).code == 0
    with opened(mirror) as context:
        assert require_all_listed_good(context) == [made]
    require_restorable(mirror, school, made, 300)


@pytest.mark.long
def test_two_hundred_deaths_at_random_moments(
    zygote: Zygote, stored: dict[str, Any], school: Any
) -> None:
    """A hundred for each kind of store, of backup and prune in turn."""
    source = random.Random(7)
    with opened(stored) as context:
        first = take_backup(context).id
        span = 1.2 * sum(context.progress.seconds.values())
    killed = 0
    while killed < 100:
        (school.media / "photos" / "next.jpg").write_bytes(source.randbytes(500))
        call = "prune" if source.random() < 0.1 else "backup"
        death = zygote.run(call, stored, kill_after=source.uniform(0.005, span))
        assert death.killed or death.code == 0, death.error
        killed += death.killed
        with opened(stored) as context:
            contents = context.repository.contents()
            assert contents.damaged == {}
            assert first in {item.id for item in contents.sets}
            assert verify_set(context, contents.sets[-1], mark=False).passed
    with opened(stored) as context:
        ids = require_all_listed_good(context)
    require_clean(stored, school)
    require_restorable(stored, school, ids[-1], 300)


@pytest.mark.long
def test_restores_die_at_random_moments(
    zygote: Zygote, values: dict[str, Any], school: Any
) -> None:
    source = random.Random(8)
    photo = school.media / "photos" / "ü 1.jpg"
    then = state_of(school)
    with opened(values) as context:
        name = take_backup(context).id
    for _ in range(40):
        if school.students() == then[0]:
            school.add_student()
        photo.write_bytes(b"later")
        now = state_of(school)
        death = zygote.run(
            "restore",
            values,
            kill_after=source.uniform(0.01, 1.2),
            name=name,
            safety_backup=False,
        )
        assert death.killed or death.code == 0, death.error
        require_clean(values, school)
        assert state_of(school) in {then, now}
        reset(school, values)
