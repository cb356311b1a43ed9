"""Claims, and settings of a database that come from a manifest."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from sims_backup.contract.manifest import StoredObject
from sims_backup.contract.naming import SET_ID, set_id
from sims_backup.contract.results import BackupResult
from sims_backup.engine.verify import verify_set
from sims_backup.errors import Busy
from sims_backup.postgres.databases import _value
from sims_backup.repository import Repository
from sims_backup.storage.local import LocalStorage

NOW = datetime(2026, 11, 24, 2, tzinfo=UTC)


class Interrupted(LocalStorage):
    """Writes, and then the signal comes."""

    @override
    def put(self, *arguments: Any, **options: Any) -> StoredObject:
        super().put(*arguments, **options)
        raise SystemExit(143)


def test_a_claim_that_was_interrupted_is_taken_back(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        Repository(Interrupted(tmp_path)).claim("fmu", "here", NOW)
    assert Repository(LocalStorage(tmp_path)).contents().unfinished == []


def test_the_claim_of_another_is_left_alone(tmp_path: Path) -> None:
    repository = Repository(LocalStorage(tmp_path))
    first = repository.claim("fmu", "here", NOW)
    second = repository.claim("fmu", "here", NOW)
    assert (first.set_id, second.set_id) == ("fmu_20261124_020000", "fmu_20261124_020000_2")
    assert repository.contents().unfinished == [first.set_id, second.set_id]


@pytest.mark.parametrize("reclaimed", [False, True])
def test_a_set_swept_while_it_was_written_is_not_published(
    open_context: Any, taken: BackupResult, reclaimed: bool
) -> None:
    """By a second process that shares the store but not the lock."""
    repository = open_context().repository
    manifest = repository.find(taken.id).manifest
    claim = repository.claim_id("fmu_20300101_000000", manifest.installation_id, NOW)
    repository.remove_rest(claim.set_id)
    if reclaimed:
        repository.claim_id(claim.set_id, manifest.installation_id, NOW)
    with pytest.raises(Busy, match="was swept by another process"):
        repository.publish(manifest.model_copy(update={"id": claim.set_id}), claim)
    assert [item.id for item in repository.contents().sets] == [taken.id]


def test_a_sweeper_that_comes_too_late_leaves_a_whole_set(
    open_context: Any, taken: BackupResult
) -> None:
    context = open_context()
    assert context.repository.remove_rest(taken.id) == 0
    assert verify_set(context, context.repository.find(taken.id)).passed


def test_ids_are_of_utc_and_of_plain_letters() -> None:
    eastern = datetime.fromisoformat("2026-11-24T07:00:00+05:00")
    assert set_id("fmu_platform", eastern) == "fmu_platform_20261124_020000"
    assert SET_ID.fullmatch(set_id("fmu_platform", NOW, 12))
    for prefix, moment in (("a/b", NOW), ("", NOW), ("x" * 121, NOW), ("a", datetime(2026, 1, 1))):  # noqa: DTZ001  naive on purpose
        with pytest.raises(ValueError, match=r"prefix|time zone"):
            set_id(prefix, moment)


@pytest.mark.parametrize(
    ("stored", "written"),
    [
        ('"$user", public', "'$user', 'public'"),
        ('"Exam ""Cell""", "a, b"', "'Exam \"Cell\"', 'a, b'"),
        ('""', "''"),
        ("", "''"),
        ("public; DROP DATABASE school", "'public;', 'DROP', 'DATABASE', 'school'"),
        ("x'; DROP", "'x'';', 'DROP'"),
    ],
)
def test_list_settings_are_only_literals(stored: str, written: str) -> None:
    assert _value("search_path", stored).as_string(None) == written
