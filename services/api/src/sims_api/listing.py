"""Lists: what may be filtered, searched and ordered, and how a page is fetched.

A page costs the same at any depth: ``next`` and ``previous`` carry a cursor (the last
row's place in the order), a page number past the middle is read from the far end, the rows
to skip are skipped in the index alone, and the count of an unfiltered list is kept by
triggers (ADR 0005).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, create_model
from sqlalchemy import ColumnElement, ScalarSelect, Select, UnaryExpression, and_, func, select
from sqlalchemy.orm import InstrumentedAttribute

from sims_api.fields import MAX_ID, Digits
from sims_core.models import Base

_LIKE, _ESCAPED = re.compile(r"([%_\\])"), r"\\\1"
PAGE_SIZE = 50
MAX_PAGE_SIZE = 200
MAX_CURSOR = 2000  # characters: a name of 255 characters, four bytes each, in base64

Search = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]

Column = InstrumentedAttribute[Any]
Criterion = tuple[Any, Callable[[Any], ColumnElement[bool]]]
"""The type of a filter's value, and what it asks of a row."""
Joins = Callable[[Select[Any]], Select[Any]]


def as_it_is(statement: Select[Any]) -> Select[Any]:
    """The joins of an entity that needs none."""
    return statement


class ListQuery(BaseModel):
    """Query parameters of every list; each list adds its filters and orderings."""

    model_config = ConfigDict(extra="forbid")


class PageQuery(ListQuery):
    """Which part of the list is asked for."""

    page: (
        Annotated[int, Field(ge=1, le=10**9, description="page number, from 1"), Digits] | None
    ) = None
    page_size: Annotated[int, Field(ge=1, le=MAX_PAGE_SIZE), Digits] = PAGE_SIZE
    cursor: (
        Annotated[
            str, Field(max_length=MAX_CURSOR, description="from next or previous; not with page")
        ]
        | None
    ) = None


class Page(BaseModel):
    """A page of rows; ``next`` and ``previous`` are ready-made addresses."""

    count: int = Field(description="rows in the whole list")
    next: str | None
    previous: str | None


Query = TypeVar("Query", bound=ListQuery)


@dataclass(frozen=True)
class Ordering:
    """A column to order by and its direction, made total by the id."""

    column: Column
    descending: bool
    tie: Column

    def key(self) -> tuple[Column, ...]:
        return (self.column,) if self.column is self.tie else (self.column, self.tie)

    def clauses(self, *, backwards: bool) -> list[UnaryExpression[Any]]:
        down = self.descending != backwards
        return [c.desc() if down else c.asc() for c in self.key()]

    def after(self, values: Sequence[Any], *, backwards: bool) -> ColumnElement[bool]:
        """Rows beyond ``values`` (one for each column of the key)."""
        down = self.descending != backwards
        first, *rest = zip(self.key(), values, strict=True)
        column, value = first
        beyond: ColumnElement[bool] = column < value if down else column > value
        if not rest:
            return beyond
        tie, id_ = rest[0]
        further = tie < id_ if down else tie > id_
        # The first term lets the index find the place; the second settles equals.
        bound = column <= value if down else column >= value
        return and_(bound, beyond | further)


@dataclass(frozen=True, kw_only=True, eq=False)
class Listing:
    """One list, declared once: its SQL, its parameters, its OpenAPI.

    ``columns`` maps the fields of a row to columns; ``filters`` and ``orderings`` map
    query names to columns (orderings must never be NULL, or rows would get lost between
    pages); ``criteria`` are filters that no column equals, such as a range of dates;
    ``search`` is one column under a trigram index.
    """

    model: type[Base]
    columns: Mapping[str, Any]
    orderings: Mapping[str, Column]
    default: str
    filters: Mapping[str, Column] = field(default_factory=dict)
    search: Column | None = None
    joins: Joins = as_it_is
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    criteria: Mapping[str, Criterion] = field(default_factory=dict)
    whole: ScalarSelect[Any] | None = None
    """The number of all rows, for a table that no trigger counts."""

    def __post_init__(self) -> None:
        for name, column in self.orderings.items():
            if column.property.columns[0].nullable:
                raise TypeError(f"{self.entity}: cannot order by {name}, it may be NULL")

    @property
    def entity(self) -> str:
        return str(self.model.__tablename__)

    @property
    def id(self) -> Column:
        found: Column = self.model.id  # type: ignore[attr-defined]  # every listed table has one
        return found

    def ordering(self, name: str | None) -> Ordering:
        wanted = name or self.default
        return Ordering(self.orderings[wanted.removeprefix("-")], wanted.startswith("-"), self.id)

    @cached_property
    def rows(self) -> Select[Any]:
        """Selects all fields of a row, with what they need joined in; built once."""
        return self.joins(
            select(*(column.label(name) for name, column in self.columns.items())).select_from(
                self.model
            )
        )

    def query_model(self, base: type[Query] = PageQuery, suffix: str = "List") -> type[Query]:  # type: ignore[assignment]
        """The parameters of this list: an unknown name or value is a 400."""
        orders = tuple(o for name in self.orderings for o in (name, f"-{name}"))
        fields: dict[str, Any] = {"ordering": (Literal[orders] | None, None)}
        for name, column in self.filters.items():
            fields[name] = (self._filter_type(name, column) | None, None)
        for name, (kind, _) in self.criteria.items():
            fields[name] = (kind | None, None)
        if self.search is not None:
            fields["search"] = (Search | None, None)
        name = "".join(part.capitalize() for part in self.entity.split("_"))
        made: type[Query] = create_model(f"{name}{suffix}Query", __base__=base, **fields)
        return made

    def ordering_of(self, query: ListQuery) -> str:
        return getattr(query, "ordering", None) or self.default

    def _filter_type(self, name: str, column: Column) -> Any:
        if name in self.choices:
            return Literal[tuple(map(str, self.choices[name]))]
        kind = column.type.python_type
        if kind is int:
            return Annotated[int, Field(ge=1, le=MAX_ID), Digits]
        if kind is str:
            return Annotated[str, StringConstraints(max_length=255)]
        return kind

    def conditions(self, query: ListQuery) -> list[ColumnElement[bool]]:
        """The filters and the search that the caller asked for."""
        asked = ((n, c, getattr(query, n)) for n, c in self.filters.items())
        found = [column == value for _, column, value in asked if value is not None]
        for name, (_, wanted_of) in self.criteria.items():
            if (value := getattr(query, name)) is not None:
                found.append(wanted_of(value))
        if self.search is not None and (wanted := getattr(query, "search", None)):
            # The database made the column lower case, by its rules and not by Python's.
            found.append(self.search.like(func.lower(f"%{_LIKE.sub(_ESCAPED, wanted)}%")))
        return found
