"""A signature covers every byte, is made the same each time, and others find it valid."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from pypdf import PdfReader

from sims_transcripts import TranscriptData, checking, render, signing

AT = datetime(2026, 11, 24, 14, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def pdf() -> bytes:
    return render(
        TranscriptData(
            institution="College of Testing",
            student_name="Amina Yusuf",
            reg_no="R-1",
            program="BSc Testing",
            batch="2025",
            status="active",
            issued_on=date(2026, 11, 24),
            periods=(),
            credits=0,
            credits_earned=0,
            cgpa=None,
        )
    )


def certificate_of(key: Any, name: str = "College of Testing") -> str:
    """An institution's certificate, not one for demonstration."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(AT - timedelta(days=1))
        .not_valid_after(AT + timedelta(days=1))
    )
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return made.sign(key, algorithm).public_bytes(serialization.Encoding.PEM).decode()


def pem(key: Any) -> str:
    found: bytes = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return found.decode()


@pytest.fixture(scope="module", params=["P-256", "P-384", "RSA"])
def identity(request: pytest.FixtureRequest) -> signing.SigningIdentity:
    key: Any = {
        "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
        "RSA": lambda: rsa.generate_private_key(65537, 2048),
    }[request.param]()  # type: ignore[no-untyped-call]
    return signing.load(pem(key), certificate_of(key))


def test_the_same_document_key_and_time_give_the_same_bytes(
    pdf: bytes, identity: signing.SigningIdentity
) -> None:
    signed = signing.sign(pdf, identity, at=AT, name="College")

    assert signing.sign(pdf, identity, at=AT, name="College") == signed
    assert signed.startswith(pdf)
    assert signing.sign(pdf, identity, at=AT + timedelta(seconds=1), name="College") != signed


def test_the_whole_file_is_signed_and_a_changed_byte_is_found(
    pdf: bytes, identity: signing.SigningIdentity, tmp_path: Path
) -> None:
    signed = signing.sign(pdf, identity, at=AT, name="College of Testing")

    good = checking.check(signed, identity.certificate_pem)
    assert (good.signature, good.ours) == ("intact", True)
    position = signed.index(b"College of Testing") if b"College of Testing" in signed else 5000
    for place in (100, position, len(pdf) - 30, len(pdf) + 40):
        changed = bytearray(signed)
        changed[place] ^= 1
        assert checking.check(bytes(changed), identity.certificate_pem).signature != "intact"
    longer = checking.check(signed + b"\n% one more line\n", identity.certificate_pem)
    assert longer.signature == "extended"


def test_what_is_not_ours_is_not_taken_for_ours(
    pdf: bytes, identity: signing.SigningIdentity
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    other = signing.load(pem(key), certificate_of(key))
    forged = signing.sign(pdf, other, at=AT, name="College of Testing")

    found = checking.check(forged, identity.certificate_pem)
    assert (found.signature, found.ours) == ("intact", False)
    assert checking.check(pdf, identity.certificate_pem).signature == "missing"
    for junk in (b"", b"%PDF-1.7\n", b"%PDF-1.7\n" + b"[" * 100_000, b"hello"):
        assert checking.check(junk, identity.certificate_pem).signature == "unreadable"


@pytest.mark.skipif(shutil.which("pdfsig") is None, reason="pdfsig (poppler-utils) is not here")
def test_poppler_finds_the_signature_valid(
    pdf: bytes, identity: signing.SigningIdentity, tmp_path: Path
) -> None:
    file = tmp_path / "signed.pdf"
    file.write_bytes(signing.sign(pdf, identity, at=AT, name="College of Testing"))

    said = subprocess.run(["pdfsig", file], capture_output=True, text=True, check=True).stdout

    assert "Signature Validation: Signature is Valid." in said
    assert "Signature Type: ETSI.CAdES.detached" in said
    assert "Total document signed" in said
    assert re.search(r"Signing Time: Nov 24 2026", said)
    changed = bytearray(file.read_bytes())
    changed[5000] ^= 1
    file.write_bytes(changed)
    said = subprocess.run(["pdfsig", file], capture_output=True, text=True, check=False).stdout
    assert "Signature is Valid" not in said


def test_the_metadata_of_the_document_is_left_alone(
    pdf: bytes, identity: signing.SigningIdentity
) -> None:
    signed = PdfReader(BytesIO(signing.sign(pdf, identity, at=AT, name="College")))

    assert signed.metadata == PdfReader(BytesIO(pdf)).metadata


def test_a_self_made_certificate_makes_demonstrations() -> None:
    key, certificate = signing.self_signed("SIMS Demo College", now=AT)

    found = signing.load(key, certificate)

    assert found.demonstration
    assert "SIMS Demo College" in found.subject
    assert "_secret" not in repr(found)
    other = ec.generate_private_key(ec.SECP256R1())
    assert not signing.load(pem(other), certificate_of(other)).demonstration


def test_what_is_derived_depends_on_key_use_and_subject(
    identity: signing.SigningIdentity,
) -> None:
    found = identity.derive("token", b"1")

    assert len(found) == 32
    assert found == identity.derive("token", b"1")
    assert found != identity.derive("token", b"2")
    assert found != identity.derive("other", b"1")


def test_a_key_that_cannot_sign_is_refused_with_the_reason() -> None:
    good = ec.generate_private_key(ec.SECP256R1())
    other = ec.generate_private_key(ec.SECP256R1())
    small = rsa.generate_private_key(65537, 1024)
    odd = ed25519.Ed25519PrivateKey.generate()
    for key, certificate, reason in (
        ("nonsense", certificate_of(good), "not a private key in PEM"),
        (pem(good), "nonsense", "not a certificate in PEM"),
        (pem(good), certificate_of(other), "belongs to another key"),
        (pem(small), certificate_of(small), "RSA of 2048 bits"),
        (pem(odd), certificate_of(odd), "elliptic curve key"),
    ):
        with pytest.raises(signing.SigningKeyInvalid, match=reason):
            signing.load(key, certificate)
