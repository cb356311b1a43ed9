"""The callables that RQ imports, one for each ``JobName``; each takes the outbox id."""

from __future__ import annotations

import uuid

from sims_worker.jobs.runner import JobRunner

__all__ = ["batch_generate_transcripts", "generate_and_email_transcript", "install"]

_installed: list[JobRunner] = []


def install(runner: JobRunner) -> None:
    """Tells the callables who runs jobs in this process; RQ only knows them by name."""
    _installed[:] = [runner]


def generate_and_email_transcript(outbox_id: str) -> None:
    """Makes one transcript and mails it."""
    _run(outbox_id)


def batch_generate_transcripts(outbox_id: str) -> None:
    """Makes and mails a chunk of a batch."""
    _run(outbox_id)


def _run(outbox_id: str) -> None:
    if not _installed:
        raise RuntimeError("Jobs run inside sims-worker only: no runner is installed here.")
    _installed[0].run(uuid.UUID(outbox_id))
