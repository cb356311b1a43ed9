"""The mail that carries a transcript."""

from __future__ import annotations

import html
import re
import uuid
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from string import Template

SUBJECT = Template("Academic transcript from $institution")
TEXT = Template("""\
Dear $name,

the academic transcript of $name ($reg_no) is attached as a PDF.
It is signed electronically. Whoever receives it can verify it until $valid_until
by the QR code or the address on its last page.

$institution

This mail was sent automatically. Reference: $reference
""")
HTML = Template("""\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Academic transcript</title></head>
<body style="font-family: Georgia, serif; color: #1b1f24; line-height: 1.5">
<p>Dear $name,</p>
<p>the academic transcript of <strong>$name</strong> ($reg_no) is attached as a PDF.</p>
<p>It is signed electronically. Whoever receives it can verify it until $valid_until
by the QR code or the address on its last page.</p>
<p>$institution</p>
<p style="color: #57606a; font-size: 85%">This mail was sent automatically.
Reference: $reference</p>
</body>
</html>
""")


@dataclass(frozen=True)
class TranscriptMail:
    """``transcript_id`` fixes the Message-ID; ``request_id`` is the API request's."""

    transcript_id: uuid.UUID
    request_id: str
    recipient: Address
    institution: str
    name: str
    reg_no: str
    pdf: bytes
    valid_until: datetime


def message_id(transcript_id: uuid.UUID, sender: Address) -> str:
    """The same for every attempt, so that a relay or mailbox can tell a second copy."""
    return f"<transcript.{transcript_id}@{sender.domain}>"


def compose(mail: TranscriptMail, *, sender: Address, now: datetime) -> EmailMessage:
    """Text, HTML and the PDF; nothing of the data can add a header or markup."""
    texts = {
        "name": _line(mail.name),
        "reg_no": _line(mail.reg_no),
        "institution": _line(mail.institution),
        "reference": str(mail.transcript_id),
        "valid_until": f"{mail.valid_until:%d %B %Y, %H:%M %Z}".lstrip("0"),
    }
    message = EmailMessage(policy=SMTP_POLICY.clone(cte_type="7bit"))
    message["From"] = sender
    message["To"] = mail.recipient
    message["Subject"] = SUBJECT.substitute(texts)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = message_id(mail.transcript_id, sender)
    message["X-Request-ID"] = re.sub(r"[^\w.-]", "_", mail.request_id, flags=re.ASCII)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation replies
    message.set_content(TEXT.substitute(texts))
    escaped = {key: html.escape(value) for key, value in texts.items()}
    message.add_alternative(HTML.substitute(escaped), subtype="html")
    message.add_attachment(
        mail.pdf, maintype="application", subtype="pdf", filename=attachment_name(mail.reg_no)
    )
    return message


def attachment_name(reg_no: str) -> str:
    """``transcript_<reg_no>.pdf`` with a name that every file system takes."""
    return f"transcript_{re.sub(r'[^A-Za-z0-9._-]', '_', reg_no)}.pdf"


def _line(text: str) -> str:
    return " ".join(text.split())
