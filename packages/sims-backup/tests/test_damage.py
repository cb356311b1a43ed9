"""Flipped and cut bytes, full disks: noticed, told, and nothing live is touched."""

from __future__ import annotations

import os
import random
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyrage  # type: ignore[import-untyped]  # no types shipped
import pytest

from sims_backup.contract.results import BackupResult
from sims_backup.engine.backup import take_backup
from sims_backup.engine.context import Context
from sims_backup.engine.prune import prune
from sims_backup.engine.restore import Request, restore
from sims_backup.engine.verify import verify_set
from sims_backup.errors import BackupError, NoSpace, NotProven, ObjectDamaged, Refused, SetNotFound
from sims_backup.repository import Repository
from sims_backup.settings import BackupSettings
from sims_backup.storage.local import LocalStorage

SAMPLES = 12  # positions of each object


def objects(store: Path) -> list[Path]:
    """Everything stored, marks and pins aside: they are about a set, not of it."""
    return sorted(p for p in store.rglob("*") if p.is_file() and "marks" not in p.parts)


def damages(data: bytes, source: random.Random) -> Iterator[bytes]:
    """One bit flipped at sampled positions, first and last among them; and cuts."""
    if not data:
        yield b"\0"
        return
    spots = {0, len(data) - 1} | {source.randrange(len(data)) for _ in range(SAMPLES)}
    for at in sorted(spots):
        yield data[:at] + bytes([data[at] ^ (1 << source.randrange(8))]) + data[at + 1 :]
    yield data[:-1]
    yield data[: len(data) // 2]
    yield b""
    yield data + b"\0"


def noticed(context: Context, set_id: str) -> bool:
    """Whether verify, or the reading of manifest or identity before it, says no."""
    try:
        context.repository.adopt(context.installation_id)
        return not verify_set(context, context.repository.find(set_id), mark=False).passed
    except (ObjectDamaged, SetNotFound):
        return True


@pytest.mark.parametrize("encrypted", [False, True])
def test_one_changed_byte_anywhere_is_noticed(
    open_context: Any, values: dict[str, Any], encrypted: bool
) -> None:
    extra = {}
    if encrypted:
        keys = [str(pyrage.x25519.Identity.generate().to_public()) for _ in range(2)]
        extra = {"backup_recipients": ",".join(keys)}
    context = open_context(**extra)
    set_id = take_backup(context).id
    assert not noticed(context, set_id)
    source = random.Random(3)
    tried = 0
    for path in objects(Path(values["backup_targets"])):
        data = path.read_bytes()
        for changed in damages(data, source):
            path.write_bytes(changed)
            assert noticed(context, set_id), f"{path} {len(data)} {len(changed)}"
            tried += 1
        path.write_bytes(data)
    assert tried > 200
    assert not noticed(context, set_id)


def test_restore_stops_at_a_changed_byte_before_the_swap(
    open_context: Any, taken: BackupResult, values: dict[str, Any], school: Any
) -> None:
    """Every object of the database part, one flip each; the live database stays."""
    school.add_student()
    source = random.Random(5)
    folder = Path(values["backup_targets"]) / taken.id
    for part in ("db", "tables"):
        for path in sorted((folder / part).iterdir()):
            data = path.read_bytes()
            at = source.randrange(len(data))
            path.write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
            context = open_context()
            with pytest.raises((NotProven, BackupError)):
                restore(
                    context,
                    Request(context.repository.find(taken.id).manifest, safety_backup=False),
                )
            path.write_bytes(data)
    assert school.students() == 301
    assert school.extra_databases() == [school.name]


def test_missing_media_in_the_store_refuses_the_restore(
    open_context: Any, taken: BackupResult, values: dict[str, Any], school: Any
) -> None:
    store = Path(values["backup_targets"])
    victim = next(p for p in (store / "media").rglob("*") if p.is_file())
    victim.unlink()
    context = open_context()
    with pytest.raises(NotProven, match="1 media objects are missing"):
        restore(context, Request(context.repository.find(taken.id).manifest))
    assert school.extra_databases() == [school.name]


def test_a_set_copied_by_hand_under_another_id_is_no_set(
    open_context: Any, taken: BackupResult, values: dict[str, Any]
) -> None:
    store = Path(values["backup_targets"])
    (store / taken.id).rename(store / "fmu_platform_20200101_000000")
    contents = open_context().repository.contents()
    assert contents.sets == []
    assert "copied by hand" in contents.damaged["fmu_platform_20200101_000000"]


def test_a_wrong_key_fails_before_anything_is_touched(
    open_context: Any, school: Any, values: dict[str, Any]
) -> None:
    mine, other = (pyrage.x25519.Identity.generate() for _ in range(2))
    made = take_backup(open_context(backup_recipients=str(mine.to_public())))
    for identity in ("", str(other)):
        context = open_context(backup_identity=identity)
        manifest = context.repository.find(made.id).manifest
        with pytest.raises(Refused, match="encrypted for"):
            restore(context, Request(manifest))
    assert len(open_context().repository.contents().sets) == 1  # no safety backup either
    with open_context(backup_identity=str(mine)) as context:
        name = f"{school.name}_opened"
        restore(context, Request(context.repository.find(made.id).manifest, into=name))
    assert school.server.rows(name, "SELECT count(*) FROM student") == [(300,)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 3 MiB; needs root to mount it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if os.getuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a small tmpfs can't be mounted here (needs root and CAP_SYS_ADMIN)")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(school: Any) -> None:
    """About 6 MiB that don't compress, in tables below and above the split size."""
    for name, rows in (("scan", 100), ("small", 2)):
        school.server.run(
            school.name,
            f"CREATE TABLE {name} (page bytea)",
            f"INSERT INTO {name} SELECT string_agg(sha256((n * 1000 + m)::text::bytea), '')"
            f" FROM generate_series(1, {rows}) n, generate_series(1, 2000) m GROUP BY n",
        )


def test_a_full_store_is_told_and_loses_nothing(
    values: dict[str, Any], school: Any, small_disk: Path
) -> None:
    settings = {**values, "backup_targets": str(small_disk / "store"), "backup_split_size": 10**6}
    with Context.open(BackupSettings(**settings)) as context:
        first = take_backup(context).id
    fill(school)
    for format_ in ("directory", "custom", "plain"):
        with Context.open(BackupSettings(**{**settings, "backup_format": format_})) as context:
            with pytest.raises(NoSpace, match="no space left"):
                take_backup(context)
            contents = context.repository.contents()
            assert [item.id for item in contents.sets] == [first]
            assert contents.unfinished == []
            assert verify_set(context, contents.sets[0], mark=False).passed
            prune(context, dry_run=False)


def test_full_staging_is_told_and_publishes_nothing(
    values: dict[str, Any], school: Any, small_disk: Path
) -> None:
    fill(school)
    settings = {
        **values,
        "backup_staging_dir": str(small_disk),
        "backup_split_size": 10**9,
        "backup_staging_limit": 10**9,
    }
    with Context.open(BackupSettings(**settings)) as context:
        with pytest.raises(NoSpace):
            take_backup(context)
        assert context.repository.contents().sets == []
    assert list(small_disk.iterdir()) == []


def test_full_staging_of_a_restore_is_told_before_it_begins(
    values: dict[str, Any], school: Any, small_disk: Path, s3_server: Any, bucket: str
) -> None:
    fill(school)
    settings = {**values, **s3_server.settings(), "backup_targets": f"s3://{bucket}/x"}
    settings["backup_split_size"] = 10**9
    with Context.open(BackupSettings(**settings)) as context:
        made = take_backup(context).id
    settings["backup_staging_dir"] = str(small_disk)
    with Context.open(BackupSettings(**settings)) as context:
        manifest = context.repository.find(made).manifest
        with pytest.raises(NoSpace, match="SIMS_BACKUP_STAGING_DIR"):
            restore(context, Request(manifest, safety_backup=False))
    assert school.extra_databases() == [school.name]


def test_an_unwritable_store_is_told(open_context: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(BackupError, match="Not a directory"):
        take_backup(open_context(backup_targets=str(tmp_path / "file" / "store")))


def test_a_file_limit_is_no_partial_object(tmp_path: Path) -> None:
    """EFBIG in the middle of a write, as quotas give it."""
    import io
    import signal

    storage = LocalStorage(tmp_path / "store")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        with pytest.raises(BackupError):
            storage.put("a/big", io.BytesIO(b"x" * 3_000_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert Repository(storage).contents().sets == []
    assert list(storage.walk("")) == []
    assert storage.sweep_uploads() == 0
