"""Fetching one page of a ``Listing``."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

import orjson
from sqlalchemy import ColumnElement, Row, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import URL
from starlette.responses import Response

from sims_api.listing import Listing, Ordering, PageQuery
from sims_common.errors import FieldError, NotFound, ValidationFailed
from sims_core.models import RowCount

_DIRECTIONS: dict[str, Literal["next", "previous"]] = {"n": "next", "p": "previous"}


@dataclass(frozen=True)
class Cursor:
    """A place between two rows: the key of the row next to it, and where to go from there."""

    ordering: str
    values: tuple[Any, ...]
    direction: Literal["next", "previous"]

    def encode(self) -> str:
        plain = [self.ordering, self.direction[0], *map(_plain, self.values)]
        return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str, listing: Listing, ordering: str) -> Cursor:
        """Raises ``ValidationFailed`` unless the cursor was made for this list and order."""
        try:
            padded = text + "=" * (-len(text) % 4)
            name, way, *values = json.loads(base64.b64decode(padded, b"-_", validate=True))
            key = listing.ordering(ordering).key()
            typed = tuple(_typed(v, c.type.python_type) for v, c in zip(values, key, strict=True))
            direction = _DIRECTIONS[way]
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
            raise _bad_cursor() from None
        if name != ordering:
            raise _bad_cursor()
        return cls(name, typed, direction)


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, uuid.UUID) else value


def _typed(value: Any, kind: type) -> Any:
    if kind is datetime:
        return datetime.fromisoformat(value)
    if kind is date:
        return date.fromisoformat(value)
    if kind is uuid.UUID:
        return uuid.UUID(value)
    small = not isinstance(value, int) or -(2**63) <= value < 2**63
    if type(value) is not kind or not small or (isinstance(value, str) and "\0" in value):
        raise ValueError
    return value


def _bad_cursor() -> ValidationFailed:
    text = "This cursor does not belong to this list and ordering; start without one."
    return ValidationFailed(text, errors=[FieldError("cursor", "INVALID_CURSOR", text)])


@dataclass(frozen=True)
class Rows:
    """A page as it came from the database."""

    fields: Sequence[str]
    rows: Sequence[Row[Any]]
    count: int
    next: Cursor | None
    previous: Cursor | None

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
        raise ValidationFailed("Send either page or cursor, not both.")
    name = getattr(query, "ordering", None) or listing.default
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

    async def count(self) -> int:
        if self.conditions:
            statement = select(func.count()).select_from(self.listing.model).where(*self.conditions)
        else:
            statement = select(func.coalesce(func.sum(RowCount.n), 0)).where(
                RowCount.entity == self.listing.entity
            )
        return int((await self.session.execute(statement)).scalar_one())

    async def from_number(self, number: int) -> Rows:
        count = await self.count()
        start = (number - 1) * self.size
        if start >= count and number > 1:
            last = max(1, -(-count // self.size))
            raise NotFound(f"There is no page {number}; the last is {last}.")
        length = min(self.size, max(count - start, 0))
        # Past the middle it is shorter to come from the end.
        backwards = start > count // 2
        skip = count - start - length if backwards else start
        rows = await self.rows(self.conditions, backwards=backwards, skip=skip, take=length)
        return self.page(rows, count, more=start + len(rows) < count, before=number > 1)

    async def from_cursor(self, cursor: Cursor) -> Rows:
        count = await self.count()
        backwards = cursor.direction == "previous"
        beyond = self.ordering.after(cursor.values, backwards=backwards)
        rows = await self.rows(
            [*self.conditions, beyond], backwards=backwards, skip=0, take=self.size + 1
        )
        extra = len(rows) > self.size
        if extra:
            rows = rows[1:] if backwards else rows[:-1]
        more, before = (True, extra) if backwards else (extra, True)
        return self.page(rows, count, more=more, before=before)

    async def rows(
        self, conditions: list[ColumnElement[bool]], *, backwards: bool, skip: int, take: int
    ) -> list[Row[Any]]:
        """Finds the ids first, in the index, then reads and joins only those rows."""
        ids = (
            select(self.listing.id)
            .where(*conditions)
            .order_by(*self.ordering.clauses(backwards=backwards))
            .limit(take)
        )
        if skip:
            ids = ids.offset(skip)
        keys = [c.label(f"key_{i}") for i, c in enumerate(self.ordering.key())]
        statement = (
            self.listing.rows.add_columns(*keys)
            .where(self.listing.id.in_(ids))
            .order_by(*self.ordering.clauses(backwards=False))
        )
        return list((await self.session.execute(statement)).all())

    def page(self, rows: list[Row[Any]], count: int, *, more: bool, before: bool) -> Rows:
        width = len(self.ordering.key())

        def cursor(row: Row[Any], direction: Literal["next", "previous"]) -> Cursor:
            return Cursor(self.name, tuple(row[-width:]), direction)

        following = cursor(rows[-1], "next") if rows and more else None
        preceding = cursor(rows[0], "previous") if rows and before else None
        return Rows(tuple(self.listing.columns), rows, count, following, preceding)
