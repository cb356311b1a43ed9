"""``sims up``"""

from __future__ import annotations

from typing import Annotated

import typer


def up(
    *,
    students: Annotated[
        int, typer.Option(min=0, help="Demo students in an empty database; 0 for none.")
    ] = 50,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show every log line of every process.")
    ] = False,
) -> None:
    """Run all of SIMS on this machine until Ctrl-C.

    PostgreSQL, Valkey, API, worker and a mail catcher start; the database is migrated, and
    an empty one gets a demo college. State is kept in SIMS_HOME, else in .sims/ of the
    checkout. With SIMS_DATABASE_URL, SIMS_REDIS_URL or SIMS_SMTP_HOST your own server is
    used instead of ours. Ports: SIMS_API_PORT 8000, SIMS_API_SIDE_PORT 9100,
    SIMS_WORKER_SIDE_PORT 9101, SIMS_SMTP_PORT 1025, SIMS_MAIL_PAGE_PORT 8025.
    """
    from sims_cli.run_up import run_up  # noqa: PLC0415 (sims --help stays quick)

    run_up(students=students, verbose=verbose)
