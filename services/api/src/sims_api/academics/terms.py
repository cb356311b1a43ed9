"""Academic periods are opened and closed; what a closed one holds stays (triggers see to it)."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.academics.schemas import AcademicPeriodOut
from sims_api.auth.actor import Actor
from sims_api.broken_rules import term_closed
from sims_api.database import Db
from sims_api.policy import allow
from sims_api.problems import not_found
from sims_api.resource import Id
from sims_common.errors import Conflict
from sims_core.models import AcademicPeriod

MANAGE = "academics.terms.manage"


async def keep_closed(
    _session: AsyncSession, _values: dict[str, Any], row: AcademicPeriod | None, _today: date
) -> None:
    """Raises ``Conflict`` for a change of a closed period itself."""
    if row is not None and row.status == "CLOSED":
        raise term_closed(row.name)


async def _turn(session: AsyncSession, id_: int, status: str, code: str) -> AcademicPeriodOut:
    """Locks the period: writers that belong to it are waited for, later ones are refused."""
    statement = select(AcademicPeriod).where(AcademicPeriod.id == id_).with_for_update()
    found = (await session.scalars(statement)).one_or_none()
    if found is None:
        raise not_found("academic period")
    if found.status == status:
        raise Conflict(f"{found.name} is {status.lower()} already.", code=code)
    found.status, found.is_enrollment_open = status, status == "OPEN"
    await session.flush()
    return AcademicPeriodOut(
        id=found.id,
        name=found.name,
        start_date=found.start_date,
        end_date=found.end_date,
        period_type=found.period_type,
        parent_period=found.parent_period_id,
        status=found.status,
        is_enrollment_open=found.is_enrollment_open,
        version=found.version,
    )


def add_routes(router: APIRouter) -> None:
    @router.post("/{id}/open/", response_model=AcademicPeriodOut)
    async def open_period(
        session: Db,
        _actor: Annotated[Actor, allow(MANAGE)],
        id: Id,  # noqa: A002 (the parameter's public name)
    ) -> Any:
        """What belongs to the period may be written, and students may enrol."""
        return await _turn(session, id, "OPEN", "ALREADY_OPEN")

    @router.post("/{id}/close/", response_model=AcademicPeriodOut)
    async def close_period(
        session: Db,
        _actor: Annotated[Actor, allow(MANAGE)],
        id: Id,  # noqa: A002
    ) -> Any:
        """Nothing that belongs to the period can be written any more."""
        return await _turn(session, id, "CLOSED", "ALREADY_CLOSED")
