"""Grading schemes with their bands, and the programs that have them.

Letters and GPA are computed when they are read. So that no released grade changes by the
way, the bands of a scheme in use stand, and so does the scheme of a program with released
results: a new scheme is for programs that have none yet (ADR 0063).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Self

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import Field, StringConstraints, model_validator
from sqlalchemy import ColumnElement, Text, cast, delete, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.auth.actor import Actor
from sims_api.body import StrictRoute
from sims_api.database import Db
from sims_api.fields import Input, Name, OneLine, Output, Percent, RowId
from sims_api.idempotency import AtMostOnce
from sims_api.policy import allow
from sims_api.problems import not_found
from sims_api.resource import Id, Resource, find, router_of
from sims_api.versions import IfMatch, require_match
from sims_common.clock import now
from sims_common.errors import Conflict, FieldError, ValidationFailed
from sims_core.domain import grading
from sims_core.domain.results import RELEASED
from sims_core.models import GradingBand, GradingScheme, Program, Result, Student

Letter = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=8), *OneLine
]
Points = Annotated[Decimal, Field(ge=0, le=Decimal("99.99"), decimal_places=2)]


class BandIn(Input):
    min_percent: Percent
    letter: Letter
    points: Points


class SchemeIn(Input):
    """Bands that give every percent one letter, the lowest from 0; more is never worth less."""

    name: Name
    bands: Annotated[list[BandIn], Field(min_length=1, max_length=50)]

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        bands = [grading.Band(b.min_percent, b.letter, b.points) for b in self.bands]
        if found := grading.flaws(bands):
            raise ValueError(" ".join(found))
        return self


class AssignIn(Input):
    program: RowId


class BandOut(Output):
    min_percent: Decimal
    letter: str
    points: Decimal


class SchemeOut(Output):
    id: int
    name: str
    is_default: bool
    bands: list[BandOut]
    version: int


def _bands() -> Any:
    """Highest first; numbers as texts, so that a list writes them as the detail does."""
    band = func.jsonb_build_object(
        literal_column("'min_percent'"),
        cast(GradingBand.min_percent, Text),
        literal_column("'letter'"),
        GradingBand.letter,
        literal_column("'points'"),
        cast(GradingBand.points, Text),
    )
    ordered = func.jsonb_agg(aggregate_order_by(band, GradingBand.min_percent.desc()), type_=JSONB)
    return (
        select(func.coalesce(ordered, literal_column("'[]'::jsonb"), type_=JSONB))
        .where(GradingBand.scheme_id == GradingScheme.id)
        .correlate(GradingScheme)
        .scalar_subquery()
    )


SCHEMES = Resource(
    name="grading scheme",
    path="grading-schemes",
    tag="results",
    model=GradingScheme,
    out=SchemeOut,
    permission="results.grading_schemes",
    orderings={"id": GradingScheme.id, "name": GradingScheme.name},
    default_ordering="name",
    filters={"is_default": GradingScheme.is_default},
    related={"bands": _bands()},
    # A handful: no triggers keep their number.
    whole=select(func.count()).select_from(GradingScheme).scalar_subquery(),
)

router = APIRouter(route_class=StrictRoute)
router.include_router(router_of(SCHEMES))
writes = APIRouter(prefix="/api/grading-schemes", tags=["results"], route_class=StrictRoute)
Updater = Annotated[Actor, allow("results.grading_schemes.update")]


@writes.post("/", status_code=201, response_model=SchemeOut)
async def create(
    session: Db,
    actor: Annotated[Actor, allow("results.grading_schemes.create")],
    once: AtMostOnce,
    body: SchemeIn,
) -> Any:
    async def make() -> SchemeOut:
        scheme = GradingScheme(name=body.name)
        session.add(scheme)
        await session.flush()
        session.add_all(_rows(scheme.id, body))
        await session.flush()
        return SchemeOut.model_validate(await find(session, SCHEMES, scheme.id, actor))

    return await once.run(
        make, location=lambda out: f"/api/grading-schemes/{out.id}/", etag=SCHEMES.etag
    )


def _rows(scheme_id: int, body: SchemeIn) -> list[GradingBand]:
    return [GradingBand(scheme_id=scheme_id, **band.model_dump()) for band in body.bands]


@writes.put("/{id}/", response_model=SchemeOut)
async def replace(
    session: Db,
    actor: Updater,
    id: Id,  # noqa: A002 (the parameter's public name)
    body: SchemeIn,
    if_match: IfMatch = None,
) -> Response:
    """Renames it, and replaces the bands unless released results are graded by them."""
    scheme = await _held(session, id, if_match)
    stored = await session.scalars(select(GradingBand).where(GradingBand.scheme_id == id))
    before = {(b.min_percent, b.letter, b.points) for b in stored}
    if before != {(b.min_percent, b.letter, b.points) for b in body.bands}:
        await _refuse_in_use(session, scheme)
        await session.execute(delete(GradingBand).where(GradingBand.scheme_id == id))
        session.expunge_all()
        scheme = await session.get_one(GradingScheme, id)
        session.add_all(_rows(id, body))
    scheme.name, scheme.updated_at = body.name, now()
    await session.flush()
    return await _shown(session, actor, id)


@writes.post("/{id}/make-default/", response_model=SchemeOut)
async def make_default(
    session: Db,
    actor: Updater,
    id: Id,  # noqa: A002
    if_match: IfMatch = None,
) -> Response:
    """Makes it the scheme of programs without one of their own."""
    scheme = await _held(session, id, if_match)
    await _refuse_graded(session, Program.grading_scheme_id.is_(None))
    await session.execute(
        update(GradingScheme)
        .where(GradingScheme.is_default, GradingScheme.id != id)
        .values(is_default=False, version=GradingScheme.version + 1)
    )
    scheme.is_default = True
    await session.flush()
    return await _shown(session, actor, id)


@writes.post("/{id}/assign/", response_model=SchemeOut)
async def assign(
    session: Db,
    actor: Updater,
    id: Id,  # noqa: A002
    body: AssignIn,
) -> Response:
    """Gives the scheme to a program that has no released results yet."""
    await _held(session, id, None)
    program = await session.get(Program, body.program, with_for_update=True)
    if program is None:
        text = "There is no such program."
        raise ValidationFailed(text, errors=[FieldError("/program", "DOES_NOT_EXIST", text)])
    await _refuse_graded(session, Program.id == program.id)
    program.grading_scheme_id = id
    await session.flush()
    return await _shown(session, actor, id)


@writes.delete("/{id}/", status_code=204)
async def remove(
    session: Db,
    _actor: Annotated[Actor, allow("results.grading_schemes.delete")],
    id: Id,  # noqa: A002
    if_match: IfMatch = None,
) -> None:
    scheme = await _held(session, id, if_match)
    if scheme.is_default:
        raise Conflict("The default scheme stays; make another one the default.", code="IN_USE")
    await session.delete(scheme)
    await session.flush()


async def _held(session: AsyncSession, id_: int, if_match: str | None) -> GradingScheme:
    scheme = await session.get(GradingScheme, id_, with_for_update=True)
    if scheme is None:
        raise not_found(SCHEMES.name)
    require_match(if_match, scheme.version)
    return scheme


async def _refuse_in_use(session: AsyncSession, scheme: GradingScheme) -> None:
    of_scheme = Program.grading_scheme_id == scheme.id
    if scheme.is_default:
        of_scheme = of_scheme | Program.grading_scheme_id.is_(None)
    await _refuse_graded(session, of_scheme)


async def _refuse_graded(session: AsyncSession, of_program: ColumnElement[bool]) -> None:
    """Raises ``Conflict`` when these programs have released results, whose grades would change."""
    graded = (
        select(Result.id)
        .join(Student, Result.student_id == Student.id)
        .join(Program, Student.program_id == Program.id)
        .where(of_program, Result.status.in_(RELEASED))
        .limit(1)
    )
    if await session.scalar(graded) is not None:
        raise Conflict(
            "Released results are graded by the present scheme. Make a new one and give it to"
            " programs that have no released results yet.",
            code="SCHEME_IN_USE",
        )


async def _shown(session: AsyncSession, actor: Actor, id_: int) -> Response:
    found = await find(session, SCHEMES, id_, actor)
    return JSONResponse(found.model_dump(mode="json"), headers={"ETag": SCHEMES.etag(found)})


router.include_router(writes)
