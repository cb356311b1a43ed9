"""What the engine does, in memory: sets with ids, a restore journal, outcomes as it writes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sims_backup.contract.events import Outcome, line
from sims_backup.contract.exits import Exit
from sims_backup.contract.results import (
    BackupResult,
    DeleteResult,
    DrillResult,
    ListResult,
    PinResult,
    PlanResult,
    PruneResult,
    RestoreResult,
    SetSummary,
    SyncResult,
    UndoResult,
)

Done = tuple[int, str, Any]


@dataclass
class FakeEngine:
    """The state that outlives every pod: storage and database server."""

    now: Callable[[], datetime]
    store_up: bool = True
    sets: dict[str, SetSummary] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    requests: dict[str, str] = field(default_factory=dict)
    swaps: list[str] = field(default_factory=list)
    undos: list[str] = field(default_factory=list)

    def run(self, arguments: list[str]) -> Done:
        """Exit code, message, result."""
        if not self.store_up:
            return int(Exit.UNAVAILABLE), "the store does not answer", None
        verb = arguments[0]
        found: Done = getattr(self, f"_{verb}")(arguments[1:])
        return found

    def outcome(self, verb: str, done: Done) -> str:
        code, message, result = done
        return line(
            Outcome(
                at=self.now(),
                verb=verb,
                exit_code=code,
                code=Exit(code).name,
                message=message,
                result=result.model_dump(mode="json") if result else None,
            )
        )

    def _backup(self, rest: list[str]) -> Done:
        set_id, parent = _option(rest, "--id"), _option(rest, "--parent")
        known = self.sets.get(set_id)
        if set_id in self.removed:
            return int(Exit.REFUSED), f"{set_id} existed and was removed", None
        if known is not None and known.parent != parent:
            return int(Exit.REFUSED), f"{set_id} was taken for {known.parent}", None
        if known is None:
            self.sets[set_id] = self._summary(set_id, parent)
        return 0, "", self._result(set_id, adopted=known is not None)

    def _summary(self, set_id: str, parent: str) -> SetSummary:
        return SetSummary(
            id=set_id,
            state="verified",
            created_at=self.now(),
            finished_at=self.now(),
            sequence=len(self.sets) + 1,
            format="directory",
            kind="manual",
            parent=parent,
            installation_id="here",
            database="sims",
            server_version="17.6",
            schema_revision="0006",
            app_version="1",
            encrypted=False,
            size=4096,
            rows=12,
            media_files=2,
            pinned=False,
            locked_until=None,
            verified_at=self.now(),
            recovery_time=None,
        )

    def _result(self, set_id: str, *, adopted: bool) -> BackupResult:
        known = self.sets[set_id]
        return BackupResult(
            id=set_id,
            adopted=adopted,
            target="s3://b/p",
            snapshot_at=known.created_at,
            format="directory",
            size=known.size,
            dump_bytes=known.size,
            media_files=2,
            media_uploaded=2,
            duration=3.5,
            stages={},
            peak_staging=0,
            verified=True,
            missing_media=[],
            changed_media=[],
            copies={},
        )

    def _list(self, rest: list[str]) -> Done:
        del rest
        sets = sorted(self.sets.values(), key=lambda item: item.sequence)
        found = ListResult(
            target="s3://b/p",
            sets=sets,
            damaged={},
            unfinished=[],
            removed=sorted(self.removed),
            problems=[],
        )
        return 0, "", found

    def _delete(self, rest: list[str]) -> Done:
        if rest[0] not in self.sets and rest[0] not in self.removed:
            return int(Exit.NOT_FOUND), f"no backup {rest[0]}", None
        there = self.sets.pop(rest[0], None) is not None
        self.removed.add(rest[0])
        result = DeleteResult(id=rest[0], target="s3://b/p", deleted=there, bytes_freed=1)
        return 0, "", result

    def _pin(self, rest: list[str]) -> Done:
        return self._pinned(rest[0], pinned=True)

    def _unpin(self, rest: list[str]) -> Done:
        return self._pinned(rest[0], pinned=False)

    def _pinned(self, set_id: str, *, pinned: bool) -> Done:
        if set_id not in self.sets:
            return int(Exit.NOT_FOUND), f"no backup {set_id}", None
        self.sets[set_id] = self.sets[set_id].model_copy(update={"pinned": pinned})
        return 0, "", PinResult(id=set_id, target="s3://b/p", pinned=pinned, reason="")

    def _prune(self, rest: list[str]) -> Done:
        del rest
        keep = {item.id for item in sorted(self.sets.values(), key=lambda i: i.sequence)[-3:]}
        gone = [set_id for set_id in self.sets if set_id not in keep]
        for set_id in gone:
            del self.sets[set_id]
            self.removed.add(set_id)
        result = PruneResult(
            target="s3://b/p",
            dry_run=False,
            entries=[],
            deleted=gone,
            swept_sets=[],
            swept_uploads=0,
            media_deleted=0,
            bytes_freed=0,
            warnings=[],
        )
        return 0, "", result

    def _sync(self, rest: list[str]) -> Done:
        del rest
        result = SyncResult(
            source="a", target="b", dry_run=False, copied=[], deleted=[], kept={}, damaged={},
            media_copied=0, bytes_copied=0,
        )  # fmt: skip
        return 0, "", result

    def _find(self, name: str) -> str | None:
        if name == "latest":
            return max(self.sets, default=None, key=lambda item: self.sets[item].sequence)
        return name if name in self.sets else None

    def _drill(self, rest: list[str]) -> Done:
        set_id = self._find(rest[0])
        if set_id is None:
            return int(Exit.NOT_FOUND), f"no backup {rest[0]}", None
        known = self.sets[set_id]
        self.sets[set_id] = known.model_copy(
            update={"recovery_time": 2.5, "verified_at": self.now()}
        )
        result = DrillResult(
            id=set_id, target="s3://b/p", passed=True, recovery_time=2.5, stages={}, tables=4,
            rows=12, problems=[],
        )  # fmt: skip
        return 0, "", result

    def _restore(self, rest: list[str]) -> Done:
        set_id = self._find(rest[0])
        if set_id is None:
            return int(Exit.NOT_FOUND), f"no backup {rest[0]}", None
        if "--plan" in rest:
            result = PlanResult(
                id=set_id, database="sims", snapshot_at=self.now(), tables=[], schema_changes=[],
                media_missing_here=0, media_different_here=0, revision_now="6", revision_then="6",
                warnings=[],
            )  # fmt: skip
            return 0, "", result
        request = _option(rest, "--request")
        adopted = request in self.requests
        if adopted and request in self.undos:
            return int(Exit.REFUSED), f"{request} was restored and then undone", None
        if not adopted:
            self.swaps.append(request)
        set_id = self.requests.setdefault(request, set_id)
        done = RestoreResult(
            id=set_id, restore_id=f"r{len(self.swaps)}", request=request, adopted=adopted,
            database="sims", kept_database="sims__old", kept_until=self.now(),
            safety_backup=None, media_restored=0, duration=4.0, stages={}, swap_seconds=0.1,
        )  # fmt: skip
        return 0, "", done

    def _undo(self, rest: list[str]) -> Done:
        request = _option(rest, "--restore")
        if request not in self.requests:
            return int(Exit.REFUSED), f"{request} is not the last restore", None
        adopted = request in self.undos
        if not adopted:
            self.undos.append(request)
        result = UndoResult(
            restore_id="r1", adopted=adopted, database="sims", set_aside="sims__new",
            swap_seconds=0.1,
        )  # fmt: skip
        return 0, "", result


def _option(arguments: list[str], name: str) -> str:
    return arguments[arguments.index(name) + 1]
