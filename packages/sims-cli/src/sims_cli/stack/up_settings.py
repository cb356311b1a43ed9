"""Settings of ``sims up``: hosts and ports."""

from __future__ import annotations

from pydantic import Field

from sims_cli.stack.ports import Port
from sims_common.settings import Settings

LOOPBACK = "127.0.0.1"


class UpSettings(Settings):
    api_host: str = Field(LOOPBACK, description="where the API listens")
    api_port: int = Field(8000, ge=1, le=65535)
    public_url: str = Field("", description="where the public verifies; default: the API")
    api_side_port: int = Field(9100, ge=1, le=65535, description="metrics of the API")
    worker_side_port: int = Field(9101, ge=1, le=65535, description="health and metrics")
    smtp_host: str = Field("", description="a relay of your own; then no mails are caught")
    smtp_port: int = Field(1025, ge=1, le=65535)
    mail_page_port: int = Field(8025, ge=1, le=65535)
    mail_from: str = "SIMS Demo College <registrar@college.example>"

    @property
    def catches_mail(self) -> bool:
        return not self.smtp_host

    @property
    def api_url(self) -> str:
        everywhere = self.api_host in ("0.0.0.0", "::", "")  # noqa: S104 (compared, not bound)
        return f"http://{LOOPBACK if everywhere else self.api_host}:{self.api_port}"

    @property
    def mail_page_url(self) -> str:
        return f"http://{LOOPBACK}:{self.mail_page_port}"

    def ports(self) -> list[Port]:
        """What must be free."""
        found = [
            Port("API", "SIMS_API_PORT", self.api_host, self.api_port),
            Port("metrics of the API", "SIMS_API_SIDE_PORT", LOOPBACK, self.api_side_port),
            Port("health of the worker", "SIMS_WORKER_SIDE_PORT", LOOPBACK, self.worker_side_port),
        ]
        if self.catches_mail:
            found.append(Port("mail catcher", "SIMS_SMTP_PORT", LOOPBACK, self.smtp_port))
            found.append(Port("mail page", "SIMS_MAIL_PAGE_PORT", LOOPBACK, self.mail_page_port))
        return found
