"""Every list as a file: the same filters, search, order and scope, and every row.

Rows come through a server-side cursor, from one snapshot, into a file without a name, which
is then sent. So memory stays flat, a slow client holds no database connection, an error
becomes a problem and not half a file, and the length says when a download was cut.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable
from typing import IO, Any, Literal

from anyio import CapacityLimiter, WouldBlock, to_thread
from sqlalchemy import ColumnElement
from starlette.responses import StreamingResponse

from sims_api.database import Sessions
from sims_api.listing import Listing, ListQuery
from sims_api.spreadsheets import CsvWriter, Writer, XlsxWriter
from sims_common.errors import Unavailable
from sims_common.logs import get_logger

log = get_logger(__name__)

ROWS = 2000  # fetched and written at a time
CHUNK = 1 << 16  # bytes sent at a time
AT_ONCE = 2  # exports of a process; each holds a database connection while it is written
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
DESCRIBED: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            MEDIA_TYPES["xlsx"]: {"schema": {"type": "string", "format": "binary"}},
        }
    }
}
"""For ``responses=`` of a route that answers with a file."""

_running = CapacityLimiter(AT_ONCE)


class ExportQuery(ListQuery):
    """The format; each list adds its filters and orderings."""

    format: Literal["csv", "xlsx"] = "csv"


async def write(
    sessions: Sessions,
    listing: Listing,
    query: ExportQuery,
    *,
    scope: ColumnElement[bool] | None,
) -> tuple[IO[bytes], int]:
    """The file of all rows in ``scope`` that ``query`` asks for, and their number.

    Raises ``Unavailable`` while ``AT_ONCE`` others are written.
    """
    owner = object()
    try:
        _running.acquire_on_behalf_of_nowait(owner)
    except WouldBlock:
        text = "Other exports are being written; try again shortly."
        raise Unavailable(text, headers={"Retry-After": "10"}) from None
    try:
        return await _written(sessions, listing, query, scope)
    finally:
        _running.release_on_behalf_of(owner)


async def _written(
    sessions: Sessions,
    listing: Listing,
    query: ExportQuery,
    scope: ColumnElement[bool] | None,
) -> tuple[IO[bytes], int]:
    conditions = listing.conditions(query)
    if scope is not None:
        conditions.append(scope)
    order = listing.ordering(listing.ordering_of(query)).clauses(backwards=False)
    statement = listing.rows.where(*conditions).order_by(*order)
    file = await to_thread.run_sync(tempfile.TemporaryFile)
    count = 0
    try:
        with tempfile.TemporaryDirectory(prefix="sims-export-") as scratch:
            writer = await to_thread.run_sync(_writer(query.format, file, listing, scratch))
            try:
                async with sessions() as session:
                    rows = await session.stream(statement, execution_options={"yield_per": ROWS})
                    async for part in rows.partitions():
                        count += len(part)
                        await to_thread.run_sync(writer.write, part)
            finally:
                await to_thread.run_sync(writer.close)
    except BaseException:
        file.close()
        raise
    log.info("export written", entity=listing.entity, format=query.format, rows=count)
    return file, count


def _writer(
    format_: Literal["csv", "xlsx"], file: IO[bytes], listing: Listing, scratch: str
) -> Callable[[], Writer]:
    columns = list(listing.columns)
    if format_ == "xlsx":
        return lambda: XlsxWriter(file, columns, scratch=scratch)
    return lambda: CsvWriter(file, columns)


def response(file: IO[bytes], name: str, format_: Literal["csv", "xlsx"]) -> StreamingResponse:
    """Sends ``file`` and closes it. ``name`` is that of the download, without its ending."""
    headers = {
        "Content-Disposition": f'attachment; filename="{name}.{format_}"',
        "Content-Length": str(file.seek(0, 2)),
    }
    file.seek(0)
    return StreamingResponse(_chunks(file), media_type=MEDIA_TYPES[format_], headers=headers)


async def _chunks(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while chunk := await to_thread.run_sync(file.read, CHUNK):
            yield chunk
