"""Fields that list ids of another entity, stored in a table of pairs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, delete, func, insert, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import TypeEngine

from sims_core.models import Base


@dataclass(frozen=True)
class Members:
    """``table`` holds pairs: the row is in column ``row``, what it lists in ``member``."""

    table: type[Base]
    row: str
    member: str
    kind: type[TypeEngine[Any]] = BigInteger

    def ids(self, model: Any) -> Any:
        """The ids as an array, in order; to be selected beside the row's columns."""
        member, row = getattr(self.table, self.member), getattr(self.table, self.row)
        found = select(member).where(row == model.id).correlate(model).order_by(member)
        return func.array(found.scalar_subquery(), type_=ARRAY(self.kind))

    async def replace(self, session: AsyncSession, row_id: int, ids: Iterable[Any]) -> bool:
        """Makes ``ids`` the members; says whether that changed anything."""
        member, row = getattr(self.table, self.member), getattr(self.table, self.row)
        wanted = set(ids)
        stored = set(await session.scalars(select(member).where(row == row_id)))
        if gone := stored - wanted:
            await session.execute(delete(self.table).where(row == row_id, member.in_(gone)))
        if added := sorted(wanted - stored):
            pairs = [{self.row: row_id, self.member: id_} for id_ in added]
            await session.execute(insert(self.table), pairs)
        return wanted != stored
