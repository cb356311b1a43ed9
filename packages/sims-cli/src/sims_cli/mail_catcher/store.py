"""Mails on disk: ``<id>.eml`` as received, ``<id>.json`` with its envelope.

An id is derived from the recipient and the Message-ID, so a second delivery of the same
mail to the same address is counted and not stored again, whoever repeats it and when.
A mail is accepted once its ``.json`` is on disk; both files are synced before that.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import threading
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTPUTF8
from pathlib import Path

from pydantic import BaseModel, ConfigDict

_ID = re.compile(r"[0-9a-f]{24}")


class Envelope(BaseModel):
    """One mail to one recipient. ``deliveries`` above 1: it was sent again."""

    model_config = ConfigDict(frozen=True)

    id: str
    received_at: datetime
    sender: str
    recipient: str
    message_id: str
    subject: str
    size: int
    deliveries: int


class MailStore:
    """All methods may be called from any thread; one process writes to a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()

    def add(self, sender: str, recipient: str, content: bytes) -> Envelope:
        """Keeps the mail, durably, or counts one more delivery of it."""
        headers = parse(content)
        message_id = str(headers.get("Message-ID", "")).strip()
        identity = message_id.encode() or content
        key = hashlib.sha256(identity + b"\0" + recipient.lower().encode()).hexdigest()[:24]
        with self._lock:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            known = self.get(key)
            if known is None:
                self._write(f"{key}.eml", content)
                known = Envelope(
                    id=key,
                    received_at=datetime.now(UTC),
                    sender=sender,
                    recipient=recipient,
                    message_id=message_id,
                    subject=str(headers.get("Subject", "")),
                    size=len(content),
                    deliveries=0,
                )
            kept = known.model_copy(update={"deliveries": known.deliveries + 1})
            self._write(f"{key}.json", kept.model_dump_json().encode())
        return kept

    def mails(self) -> list[Envelope]:
        """The newest first."""
        found = (self.get(path.stem) for path in self.folder.glob("*.json"))
        return sorted(filter(None, found), key=lambda mail: mail.received_at, reverse=True)

    def get(self, id_: str) -> Envelope | None:
        """None for an id that is unknown or no id at all."""
        if not _ID.fullmatch(id_):
            return None
        try:
            return Envelope.model_validate_json((self.folder / f"{id_}.json").read_bytes())
        except FileNotFoundError:
            return None

    def content(self, id_: str) -> bytes:
        """The mail as received; ``id_`` comes from ``get`` or ``list``."""
        return (self.folder / f"{id_}.eml").read_bytes()

    def _write(self, name: str, content: bytes) -> None:
        """On disk, under its name, before this returns."""
        descriptor, draft = tempfile.mkstemp(dir=self.folder, prefix=".")
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).replace(self.folder / name)
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def parse(content: bytes) -> EmailMessage:
    """The message; broken MIME parses as far as it goes."""
    message = message_from_bytes(content, policy=SMTPUTF8)
    if not isinstance(message, EmailMessage):
        raise TypeError("the SMTPUTF8 policy makes EmailMessages")
    return message
