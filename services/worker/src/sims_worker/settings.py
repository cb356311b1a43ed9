"""Settings of the worker."""

from __future__ import annotations

from email.headerregistry import Address
from typing import Annotated

from pydantic import AfterValidator, Field

from sims_common.settings import (
    DatabaseSettings,
    LogSettings,
    MailSettings,
    RedisSettings,
)
from sims_core.press import IssuingSettings
from sims_worker.mail.address import parse_mailbox


def _a_mailbox(value: str) -> str:
    parse_mailbox(value)
    return value


class WorkerSettings(LogSettings, DatabaseSettings, RedisSettings, MailSettings, IssuingSettings):
    worker_side_host: str = "0.0.0.0"  # noqa: S104 (probes and Prometheus come from outside)
    worker_side_port: int = Field(9101, ge=0, le=65535)
    worker_stop_timeout: float = Field(
        15.0, gt=0, description="seconds that SIGTERM leaves the running job"
    )
    worker_retry_base: float = Field(
        10.0, gt=0, description="seconds before the second attempt; each next waits 5 times longer"
    )
    # A longer silence would look like a stalled main loop to the liveness probe.
    smtp_timeout: float = Field(30.0, gt=0, le=50, description="seconds without an answer")
    mail_from: Annotated[str, AfterValidator(_a_mailbox)] = "SIMS <noreply@localhost>"

    @property
    def sender(self) -> Address:
        return parse_mailbox(self.mail_from)
