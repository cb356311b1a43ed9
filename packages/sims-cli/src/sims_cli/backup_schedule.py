"""The daily backup of ``sims up``: a process that waits, runs the engine, and says so.

    python -m sims_cli.backup_schedule

Due at 02:00 of the institution's time zone, and at once when the newest set is older than a
day (the machine was off): one catch-up, however many were missed. Sunday's set is drilled. A
run that fails is tried again after an hour.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sims_cli import backups
from sims_cli import state as states
from sims_common.clock import now
from sims_common.logs import configure, get_logger
from sims_common.settings import InstitutionSettings, LogSettings, load

log = get_logger(__name__)

AT = time(2, 0)
DAY = timedelta(days=1)
FIRST = timedelta(seconds=30)
"""After the start: the first requests of the day come before a missed backup."""
AGAIN = timedelta(hours=1)
SUNDAY = 6


def due(newest: datetime | None, at: datetime, zone: ZoneInfo) -> datetime:
    """When the next backup is to run; ``newest`` is the creation of the newest set.

    A local time that a clock change skips or repeats is taken once.
    """
    if newest is None or at - newest > DAY:
        return at
    local = at.astimezone(zone)
    slot = datetime.combine(local.date(), AT, zone)
    if slot.astimezone(UTC) <= at:
        slot = datetime.combine(local.date() + DAY, AT, zone)
    return slot.astimezone(UTC)


class Schedule:
    """Runs the engine as a child and ends it when it is told to stop."""

    def __init__(self, environment: dict[str, str], zone: ZoneInfo) -> None:
        self._environment = environment
        self._zone = zone
        self._stopped = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None

    def stop(self, *_signal: object) -> None:
        self._stopped.set()
        if self._child is not None:
            self._child.terminate()

    def run(self) -> None:
        not_before = now() + FIRST
        while not self._stopped.is_set():
            slot = max(due(self.newest(), now(), self._zone), not_before)
            log.info("next backup", at=slot.isoformat())
            while not self._stopped.is_set() and now() < slot:
                self._stopped.wait(min(60.0, max((slot - now()).total_seconds(), 0.1)))
            if self._stopped.is_set():
                return
            good = self._engine("backup", "--scheduled", "--prune")
            if good and now().astimezone(self._zone).weekday() == SUNDAY:
                self._engine("drill")
            not_before = now() + (timedelta(0) if good else AGAIN)

    def newest(self) -> datetime | None:
        """Creation of the newest set that can be restored; None without one, or unknown."""
        listed = subprocess.run(  # noqa: S603 (our own program)
            [backups.program(), "list", "--output", "json"],
            env=self._environment,
            stdout=subprocess.PIPE,
            check=False,
        )
        if listed.returncode != 0:
            log.error("backups could not be listed", exit_code=listed.returncode)
            return None
        sets = json.loads(listed.stdout)["sets"]
        return max((datetime.fromisoformat(s["created_at"]) for s in sets), default=None)

    def _engine(self, *arguments: str) -> bool:
        self._child = subprocess.Popen(  # noqa: S603 (our own program)
            [backups.program(), *arguments], env=self._environment, stdout=subprocess.DEVNULL
        )
        code = self._child.wait()
        self._child = None
        report = log.info if code == 0 else log.error
        report(f"{arguments[0]} ended", exit_code=code)
        return code == 0


def main() -> None:
    configure(load(LogSettings), service="backup")
    environment = backups.environment(states.find(), os.environ)
    schedule = Schedule(environment, load(InstitutionSettings).zone)
    signal.signal(signal.SIGTERM, schedule.stop)
    signal.signal(signal.SIGINT, schedule.stop)
    schedule.run()
    sys.exit(0)


if __name__ == "__main__":
    main()
