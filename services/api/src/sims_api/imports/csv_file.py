"""Reading the CSV files of an import, without a database."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sims_api.imports.importer import CellError, Importer
from sims_api.spreadsheets import plain
from sims_common.errors import ValidationFailed

ADDED = ("row_number", "errors")
"""What the file of errors adds; it may stay when the corrected file comes back."""


def read(content: bytes, importer: Importer, *, max_rows: int) -> list[tuple[int, dict[str, str]]]:
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
        header = _header(next(reader, []), importer)
        return list(_lines(reader, header, max_rows))
    except csv.Error as error:
        raise ValidationFailed(
            f"Line {reader.line_num} is not CSV: {error}.", code="CSV_MALFORMED"
        ) from error


def _header(cells: Sequence[str], importer: Importer) -> list[str]:
    header = _trimmed([cell.strip().lower() for cell in cells], 0)
    missing = [name for name in importer.required if name not in header]
    if missing:
        may = f" (and may name {', '.join(importer.optional)})" if importer.optional else ""
        raise ValidationFailed(
            f"The first line lacks {', '.join(missing)}; it must name the columns"
            f" {', '.join(importer.required)}{may}.",
            code="CSV_COLUMNS",
        )
    unknown = [name or "(empty)" for name in header if name not in importer.columns + ADDED]
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
        yield number, {name: cell for name, cell in named.items() if name not in ADDED}


def _trimmed(cells: Sequence[str], length: int) -> list[str]:
    """Without the empty cells beyond ``length`` that spreadsheets leave at the end."""
    kept = max((i for i, cell in enumerate(cells, start=1) if cell.strip()), default=0)
    return list(cells[: max(kept, length)])


def check(cells: Mapping[str, str], importer: Importer) -> BaseModel | list[CellError]:
    """The typed row, or what is wrong with which column.

    An empty cell of an optional column is None; a column that the file lacks is not set.
    """
    sent: dict[str, str | None] = {
        name: None if name in importer.optional and not cell.strip() else cell
        for name, cell in cells.items()
    }
    try:
        return importer.row.model_validate(sent)
    except ValidationError as error:
        return [
            CellError(_column(problem, importer), _explain(problem, importer))
            for problem in error.errors(include_url=False, include_context=False)
        ]


def _column(problem: ErrorDetails, importer: Importer) -> str:
    """A rule between columns is told of the first."""
    return str(problem["loc"][0]) if problem["loc"] else importer.columns[0]


def _explain(problem: ErrorDetails, importer: Importer) -> str:
    text = problem["msg"].removeprefix("Value error, ")
    if not problem["loc"]:
        return text
    value = str(problem["input"])[:60]
    if not value.strip():
        return "must not be empty"
    explained = importer.explain.get(str(problem["loc"][0]))
    return explained.format(value=repr(value)) if explained else text
