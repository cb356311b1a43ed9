"""A restore or its undo as one piece of work: reading and writing its part of the status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sims_backup_operator.crds import Restore, RestoreStatus
from sims_backup_operator.crds.restore import FencedDeployment, WorkStatus
from sims_backup_operator.reconcile.fence import Entry
from sims_backup_operator.resources.tasks import UNDO_DEADLINE
from sims_backup_operator.status import TERMINAL, Truth, check_phase, with_conditions
from sims_backup_operator.texts import short
from sims_backup_operator.world import World

Outcome = Literal["Succeeded", "Failed"]


@dataclass
class Work:
    world: World
    restore: Restore
    undo: bool

    @property
    def part(self) -> WorkStatus:
        return self.restore.status.undo if self.undo else self.restore.status

    @property
    def phase(self) -> str:
        status = self.restore.status
        return status.undo.phase if self.undo else status.phase

    @property
    def ended(self) -> bool:
        return self.phase in TERMINAL

    @property
    def deadline(self) -> int:
        return UNDO_DEADLINE if self.undo else self.restore.spec.deadline_seconds

    @property
    def deployments(self) -> list[str]:
        """What a Swap stops; nothing for a Plan or a Drill."""
        spec = self.restore.spec
        if spec.mode != "Swap":
            return []
        return self.world.shape.scale_down if spec.scale_down is None else spec.scale_down

    async def save(self, **update: object) -> None:
        """Writes fields of this part; ``whole`` ones (see ``enter``) go to the status itself."""
        await self._write(update, {})

    async def note(self, reason: str, message: str, entry: Entry | None = None) -> None:
        """Says why nothing happens; the phase stays."""
        fresh = reason != self.part.reason
        whole: dict[str, object] = {"fenced": _fenced(entry)} if entry else {}
        await self._write({"reason": reason, "message": short(message)}, whole)
        if fresh:
            warning = reason.startswith("Storage")
            await self.world.tell(self.restore, reason, self._named(message), warning=warning)

    async def enter(
        self,
        phase: str,
        *,
        storage: str = "",
        set_id: str = "",
        entry: Entry | None = None,
    ) -> None:
        whole: dict[str, object] = {"fenced": _fenced(entry)} if entry else {}
        if storage:
            whole |= {"storage": storage, "set_id": set_id}
        now = self.world.now()
        update: dict[str, object] = {
            "phase": phase,
            "phase_at": now,
            "reason": phase,
            "message": "",
            "started_at": self.part.started_at or now,
        }
        await self._write(update, whole)
        await self.world.tell(self.restore, phase, self._named(phase))

    async def conclude(self, outcome: Outcome, reason: str, message: str, **whole: object) -> None:
        """The outcome is known; the workloads come back before the phase says so."""
        now = self.world.now()
        update: dict[str, object] = {
            "phase": "Unfencing",
            "phase_at": now,
            "outcome": outcome,
            "reason": reason,
            "message": short(message),
            "progress": "",
        }
        if not self.deployments:
            phase = "Completed" if outcome == "Succeeded" else "Failed"
            update |= {"phase": phase, "completed_at": now}
        undo_fields = {key: whole.pop(key) for key in ("set_aside",) if key in whole}
        await self._write(update | undo_fields, whole)
        if self.ended:
            await self.world.tell(
                self.restore, reason, self._named(short(message)), warning=outcome == "Failed"
            )

    async def end(self, phase: str, reason: str = "", message: str = "") -> None:
        now = self.world.now()
        update: dict[str, object] = {
            "phase": phase,
            "phase_at": now,
            "completed_at": now,
            "reason": reason or self.part.reason,
            "message": short(message) or self.part.message,
        }
        await self._write(update, {"fenced": []})
        text = self.part.message or self.part.reason
        await self.world.tell(
            self.restore, self.part.reason, self._named(text), warning=phase == "Failed"
        )

    async def _write(self, update: dict[str, object], whole: dict[str, object]) -> None:
        status = self.restore.status.model_copy(update=whole)
        if self.undo:
            undo = status.undo.model_copy(update=update)
            check_phase(self.restore.status.undo.phase, undo.phase)
            status = status.model_copy(update={"undo": undo})
        else:
            status = status.model_copy(update=update)
        self.restore = await self.world.save(self.restore, self._conditions(status))

    def _conditions(self, status: RestoreStatus) -> RestoreStatus:
        generation = self.restore.metadata.generation
        part: WorkStatus = status.undo if self.undo else status
        phase = status.undo.phase if self.undo else status.phase
        done: Truth = "True" if phase == "Completed" else "False"
        busy: Truth = "False" if phase in TERMINAL else "True"
        wanted: dict[str, tuple[Truth, str, str]] = {
            "Progressing": (busy, part.reason or "Pending", part.message)
        }
        wanted["Undone" if self.undo else "Ready"] = (done, part.reason or phase, part.message)
        conditions = with_conditions(status.conditions, generation, self.world.now(), **wanted)
        return status.model_copy(
            update={"conditions": conditions, "observed_generation": generation}
        )

    def _named(self, text: str) -> str:
        return f"undo: {text}" if self.undo else text


def _fenced(entry: Entry | None) -> list[FencedDeployment]:
    replicas = entry.replicas if entry else {}
    return [FencedDeployment(name=name, replicas=count) for name, count in replicas.items()]
