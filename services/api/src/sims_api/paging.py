"""Fetching one page of a ``Listing``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson
from sqlalchemy import ColumnElement, Row, ScalarSelect, Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import URL
from starlette.responses import Response

from sims_api.cursor import Cursor
from sims_api.listing import Listing, Ordering, PageQuery
from sims_common.errors import FieldError, NotFound, ValidationFailed
from sims_core.models import RowCount


@dataclass(frozen=True)
class Rows:
    """A page as it came from the database."""

    fields: Sequence[str]
    rows: Sequence[Row[Any]]
    count: int
    next: Cursor | None
    previous: Cursor | None

    @property
    def ids(self) -> list[Any]:
        place = list(self.fields).index("id")
        return [row[place] for row in self.rows]

    def response(self, url: URL) -> Response:
        """The answer; the links keep the caller's filters.

        Written straight from the rows: the database has checked them already, and checking
        fifty rows against their schema again costs more than fetching them. The contract
        tests hold the result against the schema.
        """
        body = {
            "count": self.count,
            "next": _link(url, self.next),
            "previous": _link(url, self.previous),
            "results": [dict(zip(self.fields, row, strict=False)) for row in self.rows],
        }
        content = orjson.dumps(body, default=str, option=orjson.OPT_UTC_Z)
        return Response(content, media_type="application/json")


def _link(url: URL, cursor: Cursor | None) -> str | None:
    if cursor is None:
        return None
    return str(url.remove_query_params("page").include_query_params(cursor=cursor.encode()))


async def fetch(
    session: AsyncSession,
    listing: Listing,
    query: PageQuery,
    *,
    scope: ColumnElement[bool] | None = None,
) -> Rows:
    """The page that ``query`` asks for, of the rows in ``scope`` (None: all of them).

    Raises ``NotFound`` past the last page, ``ValidationFailed`` for a foreign cursor.
    """
    if query.cursor is not None and query.page is not None:
        text = "Send either page or cursor, not both."
        raise ValidationFailed(text, errors=[FieldError("page", "NOT_WITH_CURSOR", text)])
    name = listing.ordering_of(query)
    cursor = Cursor.decode(query.cursor, listing, name) if query.cursor is not None else None
    conditions = listing.conditions(query)
    if scope is not None:
        conditions.append(scope)
    found = _Fetch(session, listing, conditions, listing.ordering(name), name, query.page_size)
    if cursor is not None:
        return await found.from_cursor(cursor)
    return await found.from_number(query.page or 1)


@dataclass(frozen=True)
class _Fetch:
    """One list with its conditions and order."""

    session: AsyncSession
    listing: Listing
    conditions: list[ColumnElement[bool]]
    ordering: Ordering
    name: str
    size: int

    async def from_number(self, number: int) -> Rows:
        if number == 1:
            rows, count = await self.rows_and_count(self.conditions, backwards=False)
            return self.page(rows[: self.size], count, more=len(rows) > self.size, before=False)
        count = int((await self.session.execute(select(self.count()))).scalar_one())
        start = (number - 1) * self.size
        if start >= count:
            last = max(1, -(-count // self.size))
            raise NotFound(f"There is no page {number}; the last is {last}.")
        length = min(self.size, count - start)
        # Past the middle it is shorter to come from the end.
        backwards = start > count // 2
        skip = count - start - length if backwards else start
        rows = await self.rows(self.ids(self.conditions, backwards, length).offset(skip))
        return self.page(rows, count, more=start + len(rows) < count, before=True)

    async def from_cursor(self, cursor: Cursor) -> Rows:
        backwards = cursor.direction == "previous"
        beyond = self.ordering.after(cursor.values, backwards=backwards)
        rows, count = await self.rows_and_count([*self.conditions, beyond], backwards=backwards)
        extra = len(rows) > self.size
        if extra:
            rows = rows[1:] if backwards else rows[:-1]
        more, before = (True, extra) if backwards else (extra, True)
        return self.page(rows, count, more=more, before=before)

    def count(self) -> ScalarSelect[Any]:
        """Rows of the whole list: kept by triggers, or counted under the conditions."""
        if self.conditions:
            statement = select(func.count()).select_from(self.listing.model).where(*self.conditions)
        elif self.listing.whole is not None:
            return self.listing.whole
        else:
            statement = select(func.coalesce(func.sum(RowCount.n), 0)).where(
                RowCount.entity == self.listing.entity
            )
        return statement.scalar_subquery()

    def ids(
        self,
        conditions: list[ColumnElement[bool]],
        backwards: bool,
        take: int,
    ) -> Select[Any]:
        """Finds the rows in the index alone; only they are read and joined then."""
        return (
            select(self.listing.id)
            .where(*conditions)
            .order_by(*self.ordering.clauses(backwards=backwards))
            .limit(take)
        )

    async def rows_and_count(
        self, conditions: list[ColumnElement[bool]], *, backwards: bool
    ) -> tuple[list[Row[Any]], int]:
        """One row more than the page holds, and the count, in one statement."""
        ids = self.ids(conditions, backwards, self.size + 1)
        rows = await self.rows(ids, self.count().label("count_of_all"))
        if rows:
            return rows, int(rows[0].count_of_all)
        return rows, int((await self.session.execute(select(self.count()))).scalar_one())

    async def rows(self, ids: Select[Any], *more: ColumnElement[Any]) -> list[Row[Any]]:
        keys = [c.label(f"key_{i}") for i, c in enumerate(self.ordering.key())]
        statement = (
            self.listing.rows.add_columns(*keys, *more)
            .where(self.listing.id.in_(ids))
            .order_by(*self.ordering.clauses(backwards=False))
        )
        return list((await self.session.execute(statement)).all())

    def page(self, rows: list[Row[Any]], count: int, *, more: bool, before: bool) -> Rows:
        first = len(self.listing.columns)
        key = slice(first, first + len(self.ordering.key()))

        def cursor(row: Row[Any], direction: Literal["next", "previous"]) -> Cursor:
            return Cursor(self.name, tuple(row[key]), direction)

        following = cursor(rows[-1], "next") if rows and more else None
        preceding = cursor(rows[0], "previous") if rows and before else None
        return Rows(tuple(self.listing.columns), rows, count, following, preceding)
