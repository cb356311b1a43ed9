"""Reading and writing the CSV files of the import, without a database."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence

from pydantic import ValidationError, field_validator

from sims_api.fields import Code, Email, Input, Line, Name, Phone
from sims_api.spreadsheets import plain
from sims_api.students.resource import BirthDate
from sims_common.errors import ValidationFailed
from sims_core.domain.students import STATUSES, StudentStatus

REQUIRED = ("reg_no", "name", "program_name", "batch_name", "group_name", "status")
OPTIONAL = ("email", "phone", "date_of_birth")
COLUMNS = REQUIRED + OPTIONAL
ADDED = ("row_number", "errors")
"""What the file of errors adds; it may stay when the corrected file comes back."""


class ImportRow(Input):
    """One line of the file, each cell under the rule of the field it becomes."""

    reg_no: Code
    name: Line
    program_name: Name
    batch_name: Name
    group_name: Name
    status: StudentStatus
    email: Email | None = None
    phone: Phone | None = None
    date_of_birth: BirthDate | None = None

    @field_validator("status", mode="before")
    @classmethod
    def _any_case(cls, value: str) -> str:
        return value.strip().lower()

    @field_validator(*OPTIONAL, mode="before")
    @classmethod
    def _empty_is_none(cls, value: str) -> str | None:
        return value.strip() or None


def read(content: bytes, *, max_rows: int) -> list[tuple[int, dict[str, str]]]:
    """(line number, cells by column) of each line that is not empty.

    Takes UTF-8 with or without a byte-order mark, separated by comma, semicolon or tab.
    Raises ``ValidationFailed`` for anything that is not such a file: nothing is guessed.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValidationFailed(
            f"The file is not UTF-8 (byte {error.start}); save it as CSV UTF-8.",
            code="CSV_NOT_UTF8",
        ) from error
    if "\0" in text:
        raise ValidationFailed("The file holds NUL bytes; it is not a CSV.", code="NUL_BYTE")
    if "\n" not in text:  # the line ends of old Macintosh spreadsheets
        text = text.replace("\r", "\n")
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=separator, strict=True)
    try:
        header = _header(next(reader, []))
        return list(_lines(reader, header, max_rows))
    except csv.Error as error:
        raise ValidationFailed(
            f"Line {reader.line_num} is not CSV: {error}.", code="CSV_MALFORMED"
        ) from error


def _header(cells: Sequence[str]) -> list[str]:
    header = _trimmed([cell.strip().lower() for cell in cells], 0)
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        raise ValidationFailed(
            f"The first line lacks {', '.join(missing)}; it must name the columns"
            f" {', '.join(REQUIRED)} (and may name {', '.join(OPTIONAL)}).",
            code="CSV_COLUMNS",
        )
    unknown = [name or "(empty)" for name in header if name not in COLUMNS + ADDED]
    if unknown or len(set(header)) < len(header):
        wrong = f"unknown columns {', '.join(unknown)}" if unknown else "a column twice"
        raise ValidationFailed(f"The first line has {wrong}.", code="CSV_COLUMNS")
    return header


def _lines(
    reader: Iterator[list[str]], header: list[str], max_rows: int
) -> Iterator[tuple[int, dict[str, str]]]:
    number = 1
    for count, sent in enumerate(filter(any, reader), start=1):
        if count > max_rows:
            raise ValidationFailed(
                f"The file has more than {max_rows} rows; split it.", code="CSV_TOO_LONG"
            )
        number = getattr(reader, "line_num", number + 1)
        cells = _trimmed(sent, len(header))
        if len(cells) > len(header):
            raise ValidationFailed(
                f"Line {number} has {len(cells)} cells for {len(header)} columns; quote cells"
                " that hold the separator.",
                code="CSV_MALFORMED",
            )
        padded = [*map(plain, cells), *[""] * (len(header) - len(cells))]
        named = dict(zip(header, padded, strict=True))
        yield number, {name: cell for name, cell in named.items() if name in COLUMNS}


def _trimmed(cells: Sequence[str], length: int) -> list[str]:
    """Without the empty cells beyond ``length`` that spreadsheets leave at the end."""
    kept = max((i for i, cell in enumerate(cells, start=1) if cell.strip()), default=0)
    return list(cells[: max(kept, length)])


def check(cells: Mapping[str, str]) -> tuple[ImportRow | None, list[dict[str, str]]]:
    """The typed row, or what is wrong with which column."""
    try:
        return ImportRow.model_validate(dict(cells)), []
    except ValidationError as error:
        return None, [
            {"column": str(problem["loc"][0]), "message": _explain(problem)}
            for problem in error.errors(include_url=False, include_context=False)
        ]


def _explain(problem: Mapping[str, object]) -> str:
    column = str(problem["loc"][0])  # type: ignore[index]  # pydantic's tuple
    value = str(problem["input"])[:60]
    if not value.strip():
        return "must not be empty"
    match column:
        case "status":
            return f"{value!r} is not one of {', '.join(STATUSES)}"
        case "date_of_birth":
            return f"{value!r} is not a date like 2004-09-30"
        case "email":
            return f"{value!r} is not an e-mail address"
        case "phone":
            return f"{value!r} is not a phone number like +92 300 1234567"
        case _:
            return str(problem["msg"]).removeprefix("Value error, ")
