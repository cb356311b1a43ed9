"""How a program runs: periods, tracks, blocks, modules."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import BigInteger, Select, exists, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.academics import curriculum_schemas as s
from sims_api.resource import Resource
from sims_common.errors import FieldError, ValidationFailed
from sims_core.models import Block, Department, Module, Period, Program, Track

PERIODS = Resource(
    name="period",
    path="academics/periods",
    tag="academics",
    model=Period,
    out=s.PeriodOut,
    create=s.PeriodIn,
    deletable=True,
    permission="academics.periods",
    orderings={"id": Period.id, "order": Period.order, "name": Period.name},
    default_ordering="order",
    filters={"program": Period.program_id},
    related={"program_name": Program.name},
    joins=lambda statement: statement.join(Program, Period.program_id == Program.id),
)

TRACKS = Resource(
    name="track",
    path="academics/tracks",
    tag="academics",
    model=Track,
    out=s.TrackOut,
    create=s.TrackIn,
    deletable=True,
    permission="academics.tracks",
    orderings={"id": Track.id, "name": Track.name},
    default_ordering="name",
    filters={"program": Track.program_id},
    related={"program_name": Program.name},
    joins=lambda statement: statement.join(Program, Track.program_id == Program.id),
)


def _wrong(field: str, text: str, code: str = "DOES_NOT_FIT") -> ValidationFailed:
    return ValidationFailed(text, errors=[FieldError(f"/{field}", code, text)])


def _value(values: dict[str, Any], row: Any, name: str) -> Any:
    return values[name] if name in values else getattr(row, name, None)


async def _fit_block(
    session: AsyncSession, values: dict[str, Any], row: Block | None, _today: date
) -> None:
    """Raises ``ValidationFailed`` unless period and track are of one program, the sub-department
    is below the primary one, and a rotation is without modules."""
    period, track = _value(values, row, "period_id"), _value(values, row, "track_id")
    programs = (
        await session.execute(
            select(
                select(Period.program_id).where(Period.id == period).scalar_subquery(),
                select(Track.program_id).where(Track.id == track).scalar_subquery(),
            )
        )
    ).one()
    if None not in programs and programs[0] != programs[1]:
        raise _wrong("track", "The track is of another program than the period.")
    primary, sub = (_value(values, row, f"{n}_department_id") for n in ("primary", "sub"))
    if sub is not None:
        parent = await session.scalar(select(Department.parent_id).where(Department.id == sub))
        if parent != primary:
            raise _wrong("sub_department", "It is not a part of the primary department.")
    if row is not None and _value(values, row, "block_type") == "ROTATION_BLOCK":
        has_modules = select(exists().where(Module.block_id == row.id))
        if await session.scalar(has_modules):
            raise _wrong("block_type", "A rotation has no modules; remove them first.")


async def _fit_module(
    session: AsyncSession, values: dict[str, Any], row: Module | None, _today: date
) -> None:
    """Raises ``ValidationFailed`` when the block is a rotation; holds it as it is till the end."""
    block = _value(values, row, "block_id")
    statement = select(Block.block_type).where(Block.id == block).with_for_update(read=True)
    if await session.scalar(statement) == "ROTATION_BLOCK":
        raise _wrong("block", "Only integrated blocks are made of modules.")


def _of_block(selected: Any) -> Select[Any]:
    return select(selected).where(Module.block_id == Block.id).correlate(Block)


BLOCKS = Resource(
    name="block",
    path="academics/blocks",
    tag="academics",
    model=Block,
    out=s.BlockOut,
    create=s.BlockIn,
    deletable=True,
    permission="academics.blocks",
    orderings={"id": Block.id, "name": Block.name, "start_date": Block.start_date},
    default_ordering="start_date",
    filters={
        "period": Block.period_id,
        "track": Block.track_id,
        "block_type": Block.block_type,
        "primary_department": Block.primary_department_id,
    },
    choices={"block_type": ("INTEGRATED_BLOCK", "ROTATION_BLOCK")},
    related={
        "modules": func.array(
            _of_block(Module.id).order_by(Module.order).scalar_subquery(), type_=ARRAY(BigInteger)
        ),
        "modules_count": _of_block(func.count(Module.id)).scalar_subquery(),
    },
    prepare=_fit_block,
)

MODULES = Resource(
    name="module",
    path="academics/modules",
    tag="academics",
    model=Module,
    out=s.ModuleOut,
    create=s.ModuleIn,
    deletable=True,
    permission="academics.modules",
    orderings={"id": Module.id, "order": Module.order, "name": Module.name},
    default_ordering="order",
    filters={"block": Module.block_id},
    related={"block_name": Block.name},
    joins=lambda statement: statement.join(Block, Module.block_id == Block.id),
    prepare=_fit_module,
)

CURRICULUM = (PERIODS, TRACKS, BLOCKS, MODULES)
