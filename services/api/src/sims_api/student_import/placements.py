"""Programs, batches and groups by name, as an import file calls them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.imports.importer import CellError
from sims_core.models import Batch, Group, Program


@dataclass(frozen=True)
class Place:
    program_id: int
    batch_id: int
    group_id: int
    start_year: int


class Named(Protocol):
    """A row that names its place."""

    @property
    def program_name(self) -> str: ...
    @property
    def batch_name(self) -> str: ...
    @property
    def group_name(self) -> str: ...


class _Names:
    """Ids by the owner's id and a name, in any case unless two differ in case alone."""

    def __init__(self) -> None:
        self._known: dict[tuple[Hashable, str], dict[str, int]] = {}

    def add(self, owner: int | None, name: str, id_: int) -> None:
        self._known.setdefault((owner, name.casefold()), {})[name] = id_

    def find(self, owner: int | None, name: str) -> int | str:
        """The id, or why there is none."""
        found = self._known.get((owner, name.casefold()), {})
        if name in found:
            return found[name]
        if len(found) > 1:
            return f"could be {' or '.join(sorted(found))}; write it exactly so"
        return next(iter(found.values()), f"{name!r} does not exist")


class Placements:
    """All places, loaded once for a file."""

    def __init__(self, rows: Sequence[Any]) -> None:
        self._programs, self._batches, self._groups = _Names(), _Names(), _Names()
        self._years: dict[int, int] = {}
        for row in rows:
            self._programs.add(None, row.program, row.program_id)
            if row.batch_id is not None:
                self._batches.add(row.program_id, row.batch, row.batch_id)
                self._years[row.batch_id] = row.start_year
            if row.group_id is not None:
                self._groups.add(row.batch_id, row.group, row.group_id)

    @classmethod
    async def load(cls, session: AsyncSession) -> Placements:
        rows = await session.execute(
            select(
                Program.id.label("program_id"),
                Program.name.label("program"),
                Batch.id.label("batch_id"),
                Batch.name.label("batch"),
                Batch.start_year,
                Group.id.label("group_id"),
                Group.name.label("group"),
            )
            .outerjoin(Batch, Batch.program_id == Program.id)
            .outerjoin(Group, Group.batch_id == Batch.id)
        )
        return cls(rows.all())

    def find(self, row: Named) -> Place | CellError:
        """The place, or the error of the first name that does not lead on."""
        program = self._programs.find(None, row.program_name)
        if isinstance(program, str):
            return CellError("program_name", f"program {program}")
        batch = self._batches.find(program, row.batch_name)
        if isinstance(batch, str):
            return CellError("batch_name", f"batch {batch} (in {row.program_name})")
        group = self._groups.find(batch, row.group_name)
        if isinstance(group, str):
            return CellError("group_name", f"group {group} (in {row.batch_name})")
        return Place(program, batch, group, self._years[batch])
