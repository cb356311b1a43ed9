"""``python -m sims_cli.mail_catcher``: runs until SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from pathlib import Path

from pydantic import Field

from sims_cli.mail_catcher.answers import MailPages
from sims_cli.mail_catcher.faults import Faults
from sims_cli.mail_catcher.http_server import MailServer
from sims_cli.mail_catcher.smtp import Relay, RelayProtocol
from sims_cli.mail_catcher.store import MailStore
from sims_common import logs
from sims_common.settings import LogSettings, Settings, load

log = logs.get_logger("sims_cli.mail_catcher")


class CatcherSettings(Settings):
    mail_dir: Path = Field(description="where mails are kept")
    smtp_port: int = Field(1025, ge=1, le=65535)
    mail_page_port: int = Field(8025, ge=1, le=65535)
    mail_faults: bool = Field(default=False, description="allow /api/faults, for tests")


async def serve(settings: CatcherSettings) -> None:
    store, faults = MailStore(settings.mail_dir), Faults()
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    relay = Relay(store, faults)
    smtp = await loop.create_server(
        lambda: RelayProtocol(relay, loop), "127.0.0.1", settings.smtp_port
    )
    page = MailServer(
        settings.mail_page_port, MailPages(store, faults, faults_allowed=settings.mail_faults)
    )
    threading.Thread(target=page.serve_forever, name="page", daemon=True).start()
    log.info("mail catcher ready", smtp=settings.smtp_port, page=settings.mail_page_port)
    await stopped.wait()
    smtp.close()
    page.shutdown()
    page.server_close()


def main() -> None:
    logs.configure(load(LogSettings), service="mail")
    # aiosmtpd tells of each command of each connection; our own line per mail is enough.
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    asyncio.run(serve(load(CatcherSettings)))


if __name__ == "__main__":
    main()
