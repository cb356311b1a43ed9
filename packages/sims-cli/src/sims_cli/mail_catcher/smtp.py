"""The SMTP side: a mail is answered with 250 once it is on disk."""

from __future__ import annotations

import asyncio
from typing import AnyStr

from aiosmtpd.smtp import SMTP, Envelope, Session
from typing_extensions import override

from sims_cli.mail_catcher.faults import Fault, Faults, Stage
from sims_cli.mail_catcher.store import MailStore
from sims_common.logs import get_logger

log = get_logger(__name__)

LARGEST = 32 * 1024 * 1024  # bytes


class Relay:
    """The hooks that aiosmtpd calls."""

    def __init__(self, store: MailStore, faults: Faults) -> None:
        self._store = store
        self.faults = faults

    async def handle_MAIL(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        refusal = await self.trouble(server, "mail", [])
        if refusal is None:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return refusal or "250 OK"

    async def handle_RCPT(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        refusal = await self.trouble(server, "rcpt", [address])
        if refusal is None:
            envelope.rcpt_tos.append(address)
            envelope.rcpt_options.extend(options)
        return refusal or "250 OK"

    async def handle_DATA(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        recipients = [str(address) for address in envelope.rcpt_tos]
        refusal = await self.trouble(server, "data", recipients)
        if refusal is not None:
            return refusal
        try:
            await asyncio.to_thread(self._keep, envelope, recipients)
        except OSError as error:
            log.exception("mail not stored", folder=str(self._store.folder))
            return f"451 4.3.1 The mail could not be kept: {error.strerror}"
        return await self.trouble(server, "sent", recipients) or "250 2.0.0 Kept"

    async def handle_exception(self, error: Exception) -> str:
        """Anything unexpected asks the sender to try again, so that no mail is lost by it."""
        log.error("SMTP session failed", exc_info=error)
        return "451 4.3.0 The mail catcher failed; its log says why"

    async def trouble(self, server: SMTP, stage: Stage, recipients: list[str]) -> str | None:
        """The refusal that a fault asks for, after its pause; None when all goes well."""
        fault = self.faults.take(stage, recipients)
        if fault is None:
            return None
        log.info("fault injected", **fault.model_dump(exclude_none=True))
        return await _suffer(server, fault)

    def _keep(self, envelope: Envelope, recipients: list[str]) -> None:
        content = envelope.original_content or b""
        for recipient in recipients:
            kept = self._store.add(envelope.mail_from or "", recipient, content)
            log.info(
                "mail stored",
                to=recipient,
                subject=kept.subject,
                id=kept.id,
                bytes=kept.size,
                deliveries=kept.deliveries,
            )


class RelayProtocol(SMTP):
    """One connection; may fail at its greeting too, for which aiosmtpd has no hook."""

    def __init__(self, relay: Relay, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            relay,
            data_size_limit=LARGEST,
            enable_SMTPUTF8=True,
            hostname="localhost",  # or a DNS look-up for each connection
            ident="SIMS mail catcher",
            loop=loop,
        )
        self._relay = relay
        self._greeted = False

    @override
    async def push(self, status: AnyStr) -> None:
        if self._greeted:
            await super().push(status)
            return
        self._greeted = True
        refusal = await self._relay.trouble(self, "connect", [])
        if refusal is None:
            await super().push(status)
            return
        await super().push(refusal)
        if self.transport is not None:
            self.transport.close()


async def _suffer(server: SMTP, fault: Fault) -> str | None:
    match fault.action:
        case "reply":
            return f"{fault.code} {fault.text}"
        case "hang":
            await asyncio.sleep(fault.seconds)
            return None
        case "drop":
            if isinstance(server.transport, asyncio.WriteTransport):
                server.transport.abort()
            await asyncio.Event().wait()  # until aiosmtpd cancels this call
            return None
