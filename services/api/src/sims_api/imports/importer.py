"""What one import is: its columns, how a row becomes a change, how changes are written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.auth.actor import Actor
from sims_api.database import Db

CREATE_ONLY = "CREATE_ONLY"
UPSERT = "UPSERT"


@dataclass(frozen=True)
class CellError:
    """What is wrong with a row, said of one of its columns."""

    column: str
    message: str


@dataclass(frozen=True)
class Change:
    """What a row asks for.

    ``values`` (JSON types) is what ``apply`` gets at the commit; ``stored`` the values under
    the same names that it would replace, None for a record that is new. Their difference is
    shown in the preview and decides between CREATE, UPDATE and SKIP. ``guard`` goes with
    the values and is not compared: the version that may be replaced, an id.
    """

    values: Mapping[str, Any]
    stored: Mapping[str, Any] | None = None
    guard: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Applied:
    """Rows written; what is missing to those planned was changed meanwhile and left alone."""

    created: int
    updated: int


Planner = Callable[[Any], "Change | list[CellError]"]
"""From a typed row to its change; called in a thread, so it asks no database."""
Prepare = Callable[[AsyncSession, Sequence[Any], Mapping[str, Any], Actor], Awaitable[Planner]]
"""Reads what the rows refer to, in a few statements, and returns the planner."""


@dataclass(frozen=True, kw_only=True)
class Commit:
    """What ``apply`` writes, in the transaction of the request, all of it or none.

    ``context`` is as it was at the preview. Whatever may have changed since must be looked
    at again: rows in the database under their ``guard``, whether the period is still open.
    """

    session: AsyncSession
    created: Sequence[dict[str, Any]]
    updated: Sequence[dict[str, Any]]
    context: Mapping[str, Any]
    actor: Actor


async def no_context() -> dict[str, Any]:
    """Most imports need nothing besides their file."""
    return {}


async def no_example(_session: Db) -> list[list[str]]:
    """A template of the header alone."""
    return []


@dataclass(frozen=True, kw_only=True, eq=False)
class Importer:
    """One import, for who has ``permission``, or ``own`` where the context minds whose rows.

    ``row`` types a line; its fields are the columns in their order, those with a default
    may be left out of the file. ``key`` are the columns that name a record: twice in a file
    is an error. ``context`` and ``example`` are dependencies of FastAPI: the first may take
    further form fields of the preview (name them in ``form_fields``), checks what they say
    against the actor's scope and returns what is kept with the job (JSON types); the second
    returns the rows of the template. ``explain`` says per column what is wrong with a value,
    ``{value}`` standing for it.
    """

    name: str
    path: str
    permission: str
    own: str | None = None
    row: type[BaseModel]
    key: tuple[str, ...]
    prepare: Prepare
    apply: Callable[[Commit], Awaitable[Applied]]
    modes: tuple[str, ...] = (CREATE_ONLY, UPSERT)
    explain: Mapping[str, str] = field(default_factory=dict)
    context: Callable[..., Awaitable[dict[str, Any]]] = no_context
    form_fields: tuple[str, ...] = ()
    example: Callable[..., Awaitable[list[list[str]]]] = no_example

    @cached_property
    def required(self) -> tuple[str, ...]:
        return tuple(name for name, f in self.row.model_fields.items() if f.is_required())

    @cached_property
    def optional(self) -> tuple[str, ...]:
        return tuple(name for name in self.row.model_fields if name not in self.required)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.row.model_fields)
