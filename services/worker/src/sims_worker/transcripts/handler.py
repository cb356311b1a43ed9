"""The handler of the transcript jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from sims_core.jobs import BatchGenerateTranscripts, GenerateAndEmailTranscript
from sims_core.press import Press
from sims_worker.jobs.run import Run
from sims_worker.mail.relay import Relay
from sims_worker.settings import WorkerSettings
from sims_worker.transcripts.delivery import Delivery
from sims_worker.transcripts.ledger import Ledger


@dataclass(frozen=True)
class TranscriptHandler:
    """Runs a job's payload over a relay connection that lives as long as the job."""

    settings: WorkerSettings
    press: Press

    def __call__(
        self, run: Run, payload: GenerateAndEmailTranscript | BatchGenerateTranscripts
    ) -> None:
        with Relay(self.settings, beat=run.beat) as relay:
            ledger = Ledger(
                run.patient, run.lease, relay_deduplicates=self.settings.smtp_deduplicates
            )
            delivery = Delivery(run, self.settings, self.press, ledger, relay)
            match payload:
                case GenerateAndEmailTranscript():
                    delivery.one(payload.request_id)
                case BatchGenerateTranscripts():
                    delivery.each(payload.request_ids)
                case _:
                    assert_never(payload)
