"""Field types shared by the schemas: bounded, trimmed, named for OpenAPI."""

from __future__ import annotations

import re
from copy import copy
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    create_model,
)
from pydantic_core import PydanticUndefined

MAX_ID = 2**53 - 1  # as far as every JSON client counts exactly (RFC 7493 §2.2)

_CONTROL = "\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029"
_ONE_LINE = f"^[^{_CONTROL}]*$"


def _one_line(value: str) -> str:
    if not re.fullmatch(_ONE_LINE, value):
        raise ValueError("must be one line without control characters")
    return value


def _whole_number(value: Any) -> Any:
    if isinstance(value, str) and not re.fullmatch("-?[0-9]+", value):
        raise ValueError("must be a whole number")
    return value


def _integral(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _no_flag(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be a number")  # noqa: TRY004 (Pydantic reads ValueError)
    return value


def _calendar_date(value: Any) -> Any:
    if not isinstance(value, date) and not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", str(value)):
        raise ValueError("must be a date like 2026-09-30")
    return value


def _written(value: Any) -> Any:
    if not isinstance(value, str | datetime) or str(value).isdigit():
        raise ValueError("must be a moment like 2026-09-30T09:00:00+05:00")
    return value


def _with_zone(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("must have a time zone, like 2026-09-30T09:00:00+05:00")
    return value


# A line break in a name would be one in a mail's header, a log or a terminal.
OneLine = (AfterValidator(_one_line), Field(json_schema_extra={"pattern": _ONE_LINE}))

Whole = BeforeValidator(_integral)
"""For numbers in bodies, after their bounds: 3.0 is 3 in JSON, "3" and true are not."""
Flag = Annotated[bool, Field(strict=True)]
RowId = Annotated[int, Field(ge=1, le=MAX_ID, strict=True), Whole]
Code = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=32), *OneLine
]
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=128), *OneLine
]
Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255), *OneLine
]
Day = Annotated[date, BeforeValidator(_calendar_date)]
"""A date as people write it: a number would be read as seconds since 1970."""
Digits = BeforeValidator(_whole_number)
"""For numbers in addresses, after their bounds: ``1_0``, ``1.0`` and blanks are none there."""
RowNumber = Annotated[int, Field(ge=1, le=MAX_ID), Digits]
"""An id in an address's query."""
Description = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]
Phone = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^\+?[0-9][0-9 ()-]{3,30}$")
]
Marks = Annotated[
    Decimal, Field(ge=0, le=Decimal("99999.99"), decimal_places=2), BeforeValidator(_no_flag)
]
Percent = Annotated[Decimal, Field(ge=0, le=100, decimal_places=2), BeforeValidator(_no_flag)]
Moment = Annotated[datetime, BeforeValidator(_written), AfterValidator(_with_zone)]
"""A moment needs its offset: nobody shall guess the time zone."""
Year = Annotated[int, Field(ge=1900, le=2200, strict=True), Whole]


def _address(value: str) -> str:
    local, at, domain = value.rpartition("@")
    if not at or not local or "." not in domain.strip("."):
        raise ValueError("not an e-mail address")
    return value


# Whether an address exists only its mail server knows; this keeps out what none would take.
Email = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, max_length=254, pattern=r"^[!-?A-~]{1,64}@[A-Za-z0-9.-]{1,190}$"
    ),
    AfterValidator(_address),
    Field(examples=["amina@example.edu"], json_schema_extra={"format": "email"}),
]


class Input(BaseModel):
    """What clients send: an unknown field is an error, never ignored."""

    model_config = ConfigDict(extra="forbid")


class Output(BaseModel):
    """What the API answers with."""

    model_config = ConfigDict(from_attributes=True)


def partial(model: type[BaseModel]) -> type[BaseModel]:
    """The PATCH form of ``model``: each field may be left out; one that is sent obeys its rule."""
    fields: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        optional = copy(info)
        optional.default = PydanticUndefined
        optional.default_factory = lambda: None  # never stored: only what was sent is
        fields[name] = (info.annotation, optional)
    return create_model(f"{model.__name__.removesuffix('In')}Patch", __base__=Input, **fields)
