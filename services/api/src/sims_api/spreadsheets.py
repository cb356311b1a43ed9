"""Cells and files for spreadsheets: CSV and XLSX, written row by row in flat memory.

A text that a spreadsheet would take for a formula gets an apostrophe before it (CWE-1236);
numbers, dates and flags keep their type and need none.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any, Protocol

import xlsxwriter

from sims_common.errors import ValidationFailed

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What may start a formula (OWASP, "CSV Injection"), full-width forms too."""
MAX_ROWS = 1_048_576  # of a sheet, its header with them (Excel's limit)
MAX_CELL = 32_767  # characters of a cell (Excel's limit)
_FIRST_YEAR = 1900  # earlier dates no spreadsheet knows


def safe(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text


def plain(text: str) -> str:
    """Undoes ``safe``: what we wrote comes back as it went."""
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA) else text


def cell(value: Any) -> Any:
    """``value`` as a CSV shows it: ISO 8601 for times, true and false, JSON for what is nested."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float() | Decimal():
            return value
        case date():
            return value.isoformat()
        case dict() | list():
            return json.dumps(value, ensure_ascii=False, sort_keys=True)
        case _:
            return safe(str(value))


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A whole CSV, for files that are short."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([cell(value) for value in row] for row in rows)
    return out.getvalue()


class Writer(Protocol):
    """Writes a file in parts; ``close`` completes it and leaves the file open."""

    def write(self, rows: Iterable[Sequence[Any]]) -> None: ...

    def close(self) -> None: ...


class CsvWriter:
    """UTF-8 with a byte-order mark, without which spreadsheets guess the encoding."""

    def __init__(self, file: IO[bytes], columns: Sequence[str]) -> None:
        self._text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=False)
        self._writer = csv.writer(self._text, lineterminator="\r\n")
        self._writer.writerow(columns)

    def write(self, rows: Iterable[Sequence[Any]]) -> None:
        self._writer.writerows([cell(value) for value in row] for row in rows)

    def close(self) -> None:
        self._text.flush()
        self._text.detach()


class XlsxWriter:
    """Goes on with another sheet when one is full, so that no row is left out."""

    def __init__(
        self, file: IO[bytes], columns: Sequence[str], *, scratch: str, max_rows: int = MAX_ROWS
    ) -> None:
        options = {"constant_memory": True, "tmpdir": scratch, "strings_to_formulas": False}
        self._book = xlsxwriter.Workbook(file, options)
        self._bold = self._book.add_format({"bold": True})
        self._date = self._book.add_format({"num_format": "yyyy-mm-dd"})
        self._columns = columns
        self._max_rows = max_rows
        self._row = max_rows  # the first row opens the first sheet
        self._sheet: Any = None
        self._add_sheet()

    def _add_sheet(self) -> None:
        self._sheet = self._book.add_worksheet()
        self._sheet.freeze_panes(1, 0)
        for place, name in enumerate(self._columns):
            self._sheet.write_string(0, place, name, self._bold)
        self._row = 1

    def write(self, rows: Iterable[Sequence[Any]]) -> None:
        """Raises ``ValidationFailed`` for a text that no cell can hold."""
        for row in rows:
            if self._row == self._max_rows:
                self._add_sheet()
            for place, value in enumerate(row):
                self._write_cell(place, value)
            self._row += 1

    def _write_cell(self, place: int, value: Any) -> None:
        sheet, row = self._sheet, self._row
        match value:
            case None:
                return
            case bool():
                sheet.write_boolean(row, place, value)
            case int() | float() | Decimal() if -(10**15) < value < 10**15:  # else digits get lost
                sheet.write_number(row, place, value)
            case date() if not isinstance(value, datetime) and value.year >= _FIRST_YEAR:
                sheet.write_datetime(row, place, value, self._date)
            case _:
                text = str(cell(value))
                if len(text) > MAX_CELL:
                    raise ValidationFailed(
                        f"{self._columns[place]} of row {row} is longer than a cell of XLSX"
                        " holds; ask for csv.",
                        code="EXPORT_CELL_TOO_LONG",
                    )
                sheet.write_string(row, place, text)

    def close(self) -> None:
        self._book.close()
