"""``sims rqstats``"""

from __future__ import annotations

from dataclasses import asdict

from sims_cli.output import Output, OutputOption, console, print_json, table


def rqstats(*, output: OutputOption = Output.TABLE) -> None:
    """Show the job queues.

    As PostgreSQL knows them, which is the truth, and as they wait in Redis.
    """
    from sims_cli.queue_stats import collect  # noqa: PLC0415 (sims --help stays quick)

    queues = collect()
    if output is Output.JSON:
        print_json([asdict(queue) for queue in queues])
        return
    columns = ("Queue", "Pending", "Dispatched", "Running", "Failed", "Oldest waits")
    rows = (
        (q.name, q.pending, q.dispatched, q.running, q.failed, f"{q.oldest_seconds:.0f} s")
        for q in queues
    )
    console().print(table(columns, rows, title="Jobs (PostgreSQL)"))
    transport = ((q.name, *q.redis.values()) for q in queues if q.redis is not None)
    console().print(table(("Queue", "Queued", "Started", "Failed"), transport, title="Redis"))
    if any(q.redis is None for q in queues):
        console().print("Redis does not answer. Jobs are safe in PostgreSQL and go on with it.")
