"""What a mail consists of: its bodies and attachments, whatever charset they claim."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import EmailMessage, Message


@dataclass(frozen=True)
class Attachment:
    """``number`` counts from 0."""

    number: int
    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True)
class Parts:
    text: str | None
    html: str | None
    attachments: list[Attachment]


def split(message: EmailMessage) -> Parts:
    return Parts(
        text=_body(message, "plain"),
        html=_body(message, "html"),
        attachments=[
            Attachment(
                number=number,
                name=part.get_filename() or f"part-{number}",
                content_type=part.get_content_type(),
                content=_bytes(part),
            )
            for number, part in enumerate(message.iter_attachments())
        ],
    )


def _body(message: EmailMessage, kind: str) -> str | None:
    part = message.get_body((kind,))
    if part is None:
        return None
    charset = part.get_content_charset("utf-8")
    try:
        return _bytes(part).decode(charset, errors="replace")
    except LookupError:  # a charset that Python does not know
        return _bytes(part).decode("utf-8", errors="replace")


def _bytes(part: Message) -> bytes:
    if part.is_multipart():  # an attached mail
        payload = part.get_payload()
        inner = payload if isinstance(payload, list) else []
        return b"".join(found.as_bytes() for found in inner if isinstance(found, Message))
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""
