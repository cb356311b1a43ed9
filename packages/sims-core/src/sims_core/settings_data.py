"""The institution's settings as every part reads them, in one statement, never cached:
a switch counts from the next request on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from sims_core.models import InstitutionSetting


@dataclass(frozen=True, kw_only=True)
class InstitutionData:
    """See ``models.InstitutionSetting``."""

    institution_name: str
    primary_colour: str
    accent_colour: str
    banner: str
    attendance_lock_days: int
    student_portal_results: bool
    student_portal_attendance: bool
    version: int


def statement() -> Select[Any]:
    fields = InstitutionData.__dataclass_fields__
    return select(*(getattr(InstitutionSetting, name) for name in fields))


async def load(session: AsyncSession) -> InstitutionData:
    """For the API."""
    return _data((await session.execute(statement())).one())


def load_sync(session: Session) -> InstitutionData:
    """For the worker and the command."""
    return _data(session.execute(statement()).one())


def _data(row: Row[Any]) -> InstitutionData:
    return InstitutionData(**row._asdict())
