"""What programs do beyond the plain routes: they are finalized, and get their periods."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.academics.curriculum_schemas import PeriodOut
from sims_api.academics.schemas import ProgramOut
from sims_api.auth.actor import Actor
from sims_api.database import Db
from sims_api.policy import allow
from sims_api.problems import not_found
from sims_api.resource import Id
from sims_common.errors import Conflict
from sims_core.domain.programs import period_names
from sims_core.models import Period, Program

MANAGE = "academics.programs.manage"
STRUCTURE = ("structure_type", "period_length_months", "total_periods")


async def keep_final(
    _session: AsyncSession, values: dict[str, Any], row: Program | None, _today: date
) -> None:
    """Raises ``Conflict`` when the structure of a finalized program would change."""
    if row is None or not row.is_finalized:
        return
    if any(name in values and values[name] != getattr(row, name) for name in STRUCTURE):
        raise Conflict(
            "The program is finalized: its structure stays as it is.", code="PROGRAM_FINALIZED"
        )


async def _locked(session: AsyncSession, id_: int) -> Program:
    statement = select(Program).where(Program.id == id_).with_for_update()
    found = (await session.scalars(statement)).one_or_none()
    if found is None:
        raise not_found("program")
    return found


def add_routes(router: APIRouter) -> None:
    @router.post("/{id}/finalize/", response_model=ProgramOut)
    async def finalize(
        session: Db,
        _actor: Annotated[Actor, allow(MANAGE)],
        id: Id,  # noqa: A002 (the parameter's public name)
    ) -> Any:
        """Locks the program's structure for good."""
        program = await _locked(session, id)
        if program.is_finalized:
            raise Conflict("The program is finalized already.", code="PROGRAM_FINALIZED")
        program.is_finalized = True
        await session.flush()
        return ProgramOut.model_validate(program)

    @router.post("/{id}/generate-periods/", status_code=201, response_model=list[PeriodOut])
    async def generate_periods(
        session: Db,
        _actor: Annotated[Actor, allow(MANAGE)],
        id: Id,  # noqa: A002
    ) -> Any:
        """Adds the periods that the structure asks for and the program has not; keeps the rest."""
        program = await _locked(session, id)
        if not program.is_finalized:
            raise Conflict("Finalize the program first.", code="PROGRAM_NOT_FINALIZED")
        names = period_names(program.structure_type, program.total_periods)
        rows = [
            {"program_id": id, "name": name, "order": order}
            for order, name in enumerate(names, start=1)
        ]
        await session.execute(insert(Period).values(rows).on_conflict_do_nothing())
        statement = select(Period).where(Period.program_id == id).order_by(Period.order)
        return [
            PeriodOut(
                id=found.id,
                program=id,
                program_name=program.name,
                name=found.name,
                order=found.order,
                start_date=found.start_date,
                end_date=found.end_date,
                version=found.version,
            )
            for found in await session.scalars(statement)
        ]
