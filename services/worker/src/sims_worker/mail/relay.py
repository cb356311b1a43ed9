"""The mail relay: one verified connection, many mails, and an exact answer for each.

``smtplib.sendmail`` cannot tell a connection that broke before the mail was handed over from
one that broke after; a resend is safe in the first case only. So the dialogue is held here.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from collections.abc import Callable
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from functools import cache
from types import TracebackType
from typing import Any, Self, TypeVar

from sims_common.settings import MailSettings
from sims_worker.errors import Deferred, DeliveryUnknown, Refused, RelayUnavailable

T = TypeVar("T")
Reply = tuple[int, bytes]

CLOSING = 421  # RFC 5321 4.2.3: the service closes the connection
AUTHENTICATION_REQUIRED = 530  # RFC 4954 6: our configuration, not the recipient
GO_AHEAD = 354
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")  # RFC 3463


class Relay:
    """A connection opened on first use; ``beat`` is called at each step of a dialogue."""

    def __init__(self, settings: MailSettings, *, beat: Callable[[], None]) -> None:
        self._settings = settings
        self._beat = beat
        self._smtp: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._smtp is not None:
            try:
                self._smtp.quit()
            except (smtplib.SMTPException, OSError):
                self._drop()  # what was accepted stays accepted
        self._smtp = None

    def connect(self) -> None:
        """Makes sure that the relay listens, so that nothing is begun in vain.

        Raises ``RelayUnavailable``.
        """
        if self._smtp is not None:
            try:
                if self._smtp.noop()[0] < 400:  # noqa: PLR2004 (a positive reply)
                    return
            except (smtplib.SMTPException, OSError):
                pass  # closed after its limit of mails, or idle for too long
            self._drop()
        try:
            self._smtp = self._open()
        except smtplib.SMTPAuthenticationError as error:
            raise RelayUnavailable(
                "The mail relay refuses SIMS_SMTP_USERNAME and SIMS_SMTP_PASSWORD.",
                smtp_code=error.smtp_code,
            ) from None
        except ssl.SSLCertVerificationError as error:
            raise RelayUnavailable(
                f"The certificate of {self._name} is not valid: {error.verify_message}."
            ) from None
        except (smtplib.SMTPException, OSError) as error:
            raise RelayUnavailable(f"{self._name} cannot be used: {_reason(error)}") from None

    def encode(self, message: EmailMessage, recipient: Address) -> bytes:
        """The mail as this relay takes it.

        Raises ``Refused`` when it does not know addresses with letters outside ASCII.
        """
        international = _international(recipient)
        if international and self._smtp is not None and not self._smtp.has_extn("smtputf8"):
            raise Refused("The mail relay takes no addresses with letters outside ASCII.")
        return message.as_bytes(policy=SMTP_POLICY.clone(utf8=international, cte_type="7bit"))

    def send(self, content: bytes, *, sender: Address, recipient: Address) -> None:
        """Hands one mail over; returns once the relay has taken it.

        Raises ``RelayUnavailable`` or ``Deferred`` when it was certainly not taken,
        ``Refused`` when it never will be, ``DeliveryUnknown`` when the answer never came.
        """
        if self._smtp is None:
            raise RelayUnavailable("Not connected.")
        smtp = self._smtp
        options = ["SMTPUTF8", "BODY=8BITMIME"] if _international(recipient) else []
        reply = self._step("MAIL", lambda: smtp.mail(sender.addr_spec, options))
        if not _positive(reply):
            self._reset()
            raise RelayUnavailable(
                f"The mail relay refuses the sender {sender.addr_spec} ({reply[0]})."
                " Check SIMS_MAIL_FROM.",
                smtp_code=reply[0],
            )
        self._expect(self._step("RCPT", lambda: smtp.rcpt(recipient.addr_spec)))
        self._expect(self._step("DATA", lambda: smtp.docmd("DATA")), GO_AHEAD)
        self._step("content", lambda: smtp.send(_dot_stuffed(content)))
        self._beat()
        try:
            reply = smtp.getreply()
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            raise DeliveryUnknown(reason=type(error).__name__) from None
        self._expect(reply)

    def _open(self) -> smtplib.SMTP:
        settings = self._settings
        context = ssl.create_default_context(cadata=settings.smtp_ca or None)
        self._beat()
        name, timeout = _own_name(), settings.smtp_timeout
        if settings.smtp_security == "tls":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                settings.smtp_host, settings.smtp_port, name, timeout=timeout, context=context
            )
        else:
            smtp = smtplib.SMTP(settings.smtp_host, settings.smtp_port, name, timeout=timeout)
        try:
            self._beat()
            if settings.smtp_security == "starttls":
                smtp.starttls(context=context)
            smtp.ehlo_or_helo_if_needed()
            self._beat()
            if settings.smtp_username:
                smtp.login(settings.smtp_username, settings.smtp_password.get_secret_value())
        except BaseException:
            smtp.close()
            raise
        return smtp

    @property
    def _name(self) -> str:
        return f"The mail relay {self._settings.smtp_host}:{self._settings.smtp_port}"

    def _step(self, stage: str, call: Callable[[], T]) -> T:
        """A step before the end of the mail: if it breaks, the mail was not taken."""
        self._beat()
        try:
            return call()
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            raise RelayUnavailable(
                f"{self._name} broke the connection at {stage}: {_reason(error)}", stage=stage
            ) from None

    def _expect(self, reply: Reply, wanted: int | None = None) -> None:
        """Returns when the reply is ``wanted`` (else any 2xx); raises what it means."""
        code, text = reply[0], reply[1].decode("utf-8", "replace")
        if code == wanted or (wanted is None and _positive(reply)):
            return
        found = _ENHANCED.match(text.strip())
        fields: dict[str, Any] = {"smtp_code": code}
        if found:
            fields["enhanced_code"] = found.group()
        detail = f"{code} {' '.join(text.split())}"[:300]
        if code == CLOSING:
            self._drop()
            raise RelayUnavailable(f"{self._name} is closing: {detail}", **fields)
        self._reset()
        if code == AUTHENTICATION_REQUIRED:
            raise RelayUnavailable(f"{self._name} asks for a login: {detail}", **fields)
        if code >= 500:  # noqa: PLR2004 (RFC 5321 4.2.1: permanent)
            raise Refused(f"The mail relay refused it: {detail}", **fields)
        raise Deferred(f"The mail relay postponed it: {detail}", **fields)

    def _reset(self) -> None:
        """Readies the connection for the next mail; one that fails is opened anew."""
        try:
            if self._smtp is not None:
                self._smtp.rset()
        except (smtplib.SMTPException, OSError):
            self._drop()

    def _drop(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
        self._smtp = None


def _international(recipient: Address) -> bool:
    return not recipient.addr_spec.isascii()


def _positive(reply: Reply) -> bool:
    return 200 <= reply[0] < 300  # noqa: PLR2004 (RFC 5321 4.2.1)


def _dot_stuffed(content: bytes) -> bytes:
    """The content as DATA wants it, with its end (RFC 5321 4.5.2)."""
    body = re.sub(rb"(?m)^\.", b"..", content)
    return body + (b".\r\n" if body.endswith(b"\r\n") else b"\r\n.\r\n")


def _reason(error: Exception) -> str:
    """What happened, without the recipients that smtplib puts into some messages."""
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {type(error).__name__}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__


@cache
def _own_name() -> str:
    """The name for EHLO, asked of the resolver once a process."""
    name = socket.getfqdn()
    return name if "." in name else "[127.0.0.1]"
