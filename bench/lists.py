"""What a page of students costs: first, last and deep pages, at several sizes of the table.

    python -m bench.lists [--sizes 2000 100000] [--rounds 60]

For each page: latency of one client and CPU of the API process. The last column says what
the largest table costs in units of the smallest; the target is 1.3.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from bench.server import Api, api, engine_of, new_database, postgres

PAGE = 50
ROUND = 5


@dataclass(frozen=True)
class Cost:
    """Milliseconds: median and 95th percentile of latency, CPU of the API a request."""

    p50: float
    p95: float
    cpu: float


def fill(url: str, students: int) -> None:
    """A program, eight batches of two groups, and that many students in them."""
    engine = engine_of(url)
    with engine.begin() as connection:
        for statement in _FILL.split(";\n"):
            connection.execute(text(statement), {"n": students} if ":n" in statement else {})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    engine.dispose()


_FILL = """
INSERT INTO program (name) VALUES ('MBBS'), ('BDS');
INSERT INTO batch (program_id, name, start_year)
SELECT p.id, y::text, y FROM program p, generate_series(2019, 2026) y;
INSERT INTO student_group (batch_id, name)
SELECT b.id, g FROM batch b, unnest('{A,B}'::text[]) g;
WITH place AS (
  SELECT g.id AS group_id, b.id AS batch_id, b.program_id, b.start_year,
         row_number() OVER () - 1 AS i
  FROM student_group g JOIN batch b ON b.id = g.batch_id
)
INSERT INTO student (reg_no, name, program_id, batch_id, group_id, enrollment_year, email)
SELECT 'R' || lpad(n::text, 8, '0'), 'Student ' || md5(n::text), p.program_id, p.batch_id,
       p.group_id, p.start_year, 's' || n || '@example.edu'
FROM generate_series(1, :n) n JOIN place p ON p.i = n % 32
"""


def pages(server: Api, students: int) -> Iterator[tuple[str, str]]:
    """(what, path) of each page that is measured."""
    last = -(-students // PAGE)
    yield "first page", "/api/students/"
    yield "last page", f"/api/students/?page={last}"
    following = json.loads(server.get(f"/api/students/?page={last - 1}"))["next"]
    yield "last page by cursor", following[following.index("/api/") :]
    yield "middle page", f"/api/students/?page={last // 2}"
    yield "first page by name", "/api/students/?ordering=name"
    yield "search, few hits", f"/api/students/?search=s{students - 1}@"
    yield "one student", "/api/students/1/"


@dataclass
class Sample:
    """What the requests for one page took, in seconds."""

    path: str
    seconds: list[float] = field(default_factory=list)
    cpu: float = 0.0

    def ask(self, server: Api) -> None:
        before, started = server.cpu(), time.perf_counter()
        for _ in range(ROUND):
            server.get(self.path)
        self.seconds.append((time.perf_counter() - started) / ROUND)
        self.cpu += server.cpu() - before

    def cost(self) -> Cost:
        return Cost(
            statistics.median(self.seconds) * 1000,
            statistics.quantiles(self.seconds, n=20)[18] * 1000,
            self.cpu / (len(self.seconds) * ROUND) * 1000,
        )


Samples = list[dict[str, Sample]]
"""For each server: a sample for each page."""


def run(sizes: Sequence[int], rounds: int, say: Callable[[str], None]) -> dict[str, list[Cost]]:
    """Costs by page, one for each size."""
    with postgres() as database, ExitStack() as stack:
        servers = []
        for size in sizes:
            say(f"filling {size:,} students")
            url = new_database(database, f"bench_{size}")
            fill(url, size)
            servers.append(stack.enter_context(api(url)))
        samples = [
            {what: Sample(path) for what, path in pages(server, size)}
            for server, size in zip(servers, sizes, strict=True)
        ]
        warm_up(servers, samples)
        for number in range(rounds):
            if number % 10 == 0:
                say(f"measuring, round {number} of {rounds}")
            take_turns(servers, samples)
        for size, server in zip(sizes, servers, strict=True):
            say(f"memory of the API at {size:,} students: {server.rss() / 2**20:.0f} MiB")
        return {what: [s[what].cost() for s in samples] for what in samples[0]}


def warm_up(servers: Sequence[Api], samples: Samples) -> None:
    for server, of_server in zip(servers, samples, strict=True):
        for sample in of_server.values():
            for _ in range(20):
                server.get(sample.path)


def take_turns(servers: Sequence[Api], samples: Samples) -> None:
    """Asks each server for each page: a slow moment of the machine hits all of them alike."""
    for what in samples[0]:
        for server, of_server in zip(servers, samples, strict=True):
            of_server[what].ask(server)


def report(sizes: Sequence[int], found: dict[str, list[Cost]]) -> Table:
    """Milliseconds, and what the largest table costs in units of the smallest."""
    table = Table(title="A page of 50 students: median ms (95th percentile) and API CPU ms")
    table.add_column("page", no_wrap=True)
    for size in sizes:
        table.add_column(f"{size:,}", justify="right", no_wrap=True)
    table.add_column(f"{sizes[-1]:,} / {sizes[0]:,}", justify="right", no_wrap=True)
    for what, costs in found.items():
        cells = (f"{c.p50:.1f} ({c.p95:.1f}) {c.cpu:.1f}" for c in costs)
        small, large = costs[0], costs[-1]
        ratio = f"{large.p50 / small.p50:.2f} cpu {large.cpu / small.cpu:.2f}"
        table.add_row(what, *cells, ratio)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[2_000, 100_000])
    parser.add_argument("--rounds", type=int, default=60, help=f"of {ROUND} requests a page")
    arguments = parser.parse_args()
    console = Console()
    found = run(arguments.sizes, arguments.rounds, lambda line: console.print(line, style="dim"))
    console.print(report(arguments.sizes, found))
    first, last = found["first page"][-1], found["last page"][-1]
    console.print(f"last page / first page at {arguments.sizes[-1]:,}: {last.p50 / first.p50:.2f}")


if __name__ == "__main__":
    main()
