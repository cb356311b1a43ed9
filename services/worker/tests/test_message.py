"""Addresses and messages: what may enter a header, and what the recipient gets."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sims_worker.mail.address import parse_address, parse_mailbox
from sims_worker.mail.message import TranscriptMail, attachment_name, compose, message_id

SENDER = parse_mailbox("College of Testing <registry@college.example>")
NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


def mail(**changes: Any) -> TranscriptMail:
    base: dict[str, Any] = {
        "transcript_id": uuid.UUID(int=7),
        "request_id": "req-1",
        "recipient": parse_address("ada@example.org"),
        "institution": "College of Testing",
        "name": "Zoë <b>Ada</b>",
        "reg_no": "2021-CS-1",
        "pdf": b"%PDF-1.7 \x00\xff",
        "valid_until": datetime(2026, 11, 6, 14, 5, tzinfo=UTC),
    }
    return TranscriptMail(**(base | changes))


def received(mail_: TranscriptMail) -> EmailMessage:
    """As it comes out at the other end."""
    message = message_from_bytes(compose(mail_, sender=SENDER, now=NOW).as_bytes(), policy=default)
    assert isinstance(message, EmailMessage)
    return message


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_the_mail_carries_the_document_and_its_headers() -> None:
    message = received(mail())

    assert message["From"] == "College of Testing <registry@college.example>"
    assert message["To"] == "ada@example.org"
    assert message["Message-ID"] == f"<transcript.{uuid.UUID(int=7)}@college.example>"
    assert message["X-Request-ID"] == "req-1"
    assert message["Date"] == "Tue, 24 Nov 2026 10:00:00 +0000"
    assert message["Auto-Submitted"] == "auto-generated"
    (attachment,) = message.iter_attachments()
    assert attachment.get_filename() == "transcript_2021-CS-1.pdf"
    assert attachment.get_content_type() == "application/pdf"
    assert attachment.get_content() == b"%PDF-1.7 \x00\xff"


def test_names_are_text_in_the_text_and_escaped_in_the_html() -> None:
    message = received(mail())

    assert "transcript of Zoë <b>Ada</b> (2021-CS-1)" in body(message, "plain")
    assert "Zoë &lt;b&gt;Ada&lt;/b&gt;" in body(message, "html")
    assert "<b>" not in body(message, "html")


@given(
    st.text(max_size=200),
    st.text(max_size=200),
    st.text(min_size=1, max_size=64),
    st.text(max_size=200),
)
def test_no_value_can_add_a_header_or_a_part(
    name: str, institution: str, request_id: str, reg_no: str
) -> None:
    message = received(
        mail(name=name, institution=institution, request_id=request_id, reg_no=reg_no)
    )

    assert sorted(message.keys()) == [
        "Auto-Submitted",
        "Content-Type",
        "Date",
        "From",
        "MIME-Version",
        "Message-ID",
        "Subject",
        "To",
        "X-Request-ID",
    ]
    assert len(list(message.iter_attachments())) == 1


def test_the_message_id_survives_a_long_domain() -> None:
    sender = parse_mailbox(f"x@{'a' * 60}.{'b' * 60}.example")
    wanted = message_id(uuid.UUID(int=7), sender)

    raw = compose(mail(), sender=sender, now=NOW).as_bytes()

    assert f"Message-ID: {wanted}\r\n".encode() in raw


@pytest.mark.parametrize(
    ("reg_no", "name"),
    [
        ("2021/CS/1", "transcript_2021_CS_1.pdf"),
        ("../../etc", "transcript_.._.._etc.pdf"),
        ("Ñ\r\n\x00", "transcript_____.pdf"),
    ],
)
def test_the_attachments_name_is_safe_anywhere(reg_no: str, name: str) -> None:
    found = attachment_name(reg_no)

    assert "/" not in found
    assert found == name


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ada@example.org", "ada@example.org"),
        ("a.b+c_d'e@sub.example.org", "a.b+c_d'e@sub.example.org"),
        ("ada@münchen.example", "ada@xn--mnchen-3ya.example"),
        ("josé@example.org", "josé@example.org"),
        ("root@localhost", "root@localhost"),
    ],
)
def test_good_addresses(text: str, address: str) -> None:
    assert parse_address(text).addr_spec == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "@example.org",
        "ada@",
        "ada@example.org\n",
        "ada@example.org\r\nBcc: all@example.org",
        "ada@example.org, bob@example.org",
        "Ada <ada@example.org>",
        "ada@example..org",
        "ada@-example.org",
        "a b@example.org",
        ".ada@example.org",
        "a..b@example.org",
        "ada>@example.org",
        "ada@exa\u2028mple.org",
        f"{'a' * 250}@example.org",
        f"ada@{'a' * 64}.org",
        '"ada"@example.org',
    ],
)
def test_bad_addresses(text: str) -> None:
    with pytest.raises(ValueError, match=r"not an e-mail address|domain is not valid"):
        parse_address(text)


@given(st.text())
def test_an_address_never_holds_a_break(text: str) -> None:
    try:
        found = parse_address(text).addr_spec
    except ValueError:
        return
    assert not any(c.isspace() or ord(c) < 32 for c in found)


@pytest.mark.parametrize("text", ["", "SIMS", "a\r\nBcc: x@y.z <a@b.c>", "a@b.c\n"])
def test_a_sender_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"mailbox|address"):
        parse_mailbox(text)


def test_the_mail_says_until_when_the_document_can_be_verified() -> None:
    message = received(mail())

    for kind in ("plain", "html"):
        words = " ".join(body(message, kind).split())
        assert "verify it until 6 November 2026, 14:05 UTC by the QR code" in words
