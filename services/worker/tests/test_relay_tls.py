"""The relay's certificate is verified, against the system's authorities or our own."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Literal

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from typing_extensions import override

from sims_common.settings import MailSettings
from sims_worker.errors import RelayUnavailable
from sims_worker.mail.address import parse_address
from sims_worker.mail.relay import Relay

SENDER = parse_address("registry@college.example")
RECIPIENT = parse_address("ada@example.org")
Security = Literal["starttls", "tls"]


class Kept(Message):
    """A relay that takes all."""

    def __init__(self) -> None:
        super().__init__()
        self.mails: list[Any] = []

    @override
    def handle_message(self, message: Any) -> None:
        self.mails.append(message)


def certificate(folder: Path, name: str) -> tuple[str, ssl.SSLContext]:
    """A self-made authority's certificate for ``name``: its PEM and the relay's side of it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "relay.pem").write_bytes(private + pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "relay.pem")
    return pem.decode(), context


Serve = Callable[[Security, str], tuple[str, Kept]]


@pytest.fixture
def serve(tmp_path: Path, free_port: int) -> Iterator[Serve]:
    """Starts a relay; returns its certificate and what it takes."""
    started: list[Controller] = []

    def start(security: Security, name: str) -> tuple[str, Kept]:
        pem, context = certificate(tmp_path, name)
        kept = Kept()
        how: dict[str, Any] = (
            {"ssl_context": context}
            if security == "tls"
            else {"tls_context": context, "require_starttls": True}
        )
        controller = Controller(kept, hostname="127.0.0.1", port=free_port, **how)
        started.append(controller)
        controller.start()
        return pem, kept

    yield start
    for controller in started:
        controller.stop()


def send(settings: MailSettings) -> None:
    message = EmailMessage()
    message["Subject"] = "x"
    message.set_content("x")
    with Relay(settings, beat=lambda: None) as relay:
        relay.connect()
        content = relay.encode(message, RECIPIENT)
        relay.send(content, sender=SENDER, recipient=RECIPIENT)


def settings_for(port: int, security: Security, ca: str) -> MailSettings:
    return MailSettings(
        smtp_host="localhost", smtp_port=port, smtp_security=security, smtp_ca=ca, smtp_timeout=20
    )


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_relay_of_ones_own_authority_is_trusted_by_it_alone(
    serve: Serve, security: Security, free_port: int
) -> None:
    pem, kept = serve(security, "localhost")

    send(settings_for(free_port, security, pem))

    assert len(kept.mails) == 1
    with pytest.raises(RelayUnavailable, match=r"certificate of .* is not valid"):
        send(settings_for(free_port, security, ""))
    assert len(kept.mails) == 1


def test_a_certificate_for_another_name_is_refused(serve: Serve, free_port: int) -> None:
    pem, kept = serve("starttls", "other.example")

    with pytest.raises(RelayUnavailable, match=r"not valid for 'localhost'"):
        send(settings_for(free_port, "starttls", pem))
    assert kept.mails == []
