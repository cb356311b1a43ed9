"""PAdES signatures: whoever changes a byte of a document is found out.

A document is signed once, over all of its bytes, by a certificate of the institution (ETSI EN
319 142-1, level B-B). The signature is invisible and keeps the file PDF/A and PDF/UA. The same
document, key and time give the same bytes: nothing random and no clock enters.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

from asn1crypto import keys  # type: ignore[import-untyped]
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko_certvalidator.registry import SimpleCertificateStore
from typing_extensions import override

DEMONSTRATION = "demonstration"
"""A certificate with this word in its subject makes documents that say so on each page."""

FIELD = "Institution"
_DIGEST = "sha256"
_ROOM = 3000  # bytes of a signature besides its certificates
_LEAST_RSA = 2048  # bits


class SigningKeyInvalid(ValueError):
    """The key and the certificate cannot sign; the text says why and what to do."""


@dataclass(frozen=True)
class SigningIdentity:
    """The institution's key and certificate, read once a process."""

    signer: signers.SimpleSigner = field(repr=False)
    subject: str
    demonstration: bool
    certificate_pem: bytes
    reserved: int
    """Hexadecimal digits kept free for the signature in a file."""
    _secret: bytes = field(repr=False)

    def derive(self, use: str, about: bytes) -> bytes:
        """32 bytes that only the holder of the key can compute (HKDF, RFC 5869)."""
        info = f"sims {use}".encode()
        return HKDF(hashes.SHA256(), length=32, salt=about, info=info).derive(self._secret)


def load(key: str, certificates: str) -> SigningIdentity:
    """From PEM texts: a private key, and its certificate with those of its issuers after it.

    Raises ``SigningKeyInvalid``.
    """
    try:
        private = serialization.load_pem_private_key(key.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise SigningKeyInvalid(
            "The signing key is not a private key in PEM without a passphrase."
        ) from error
    try:
        chain = x509.load_pem_x509_certificates(certificates.encode())
    except ValueError as error:
        raise SigningKeyInvalid("The signing certificate is not a certificate in PEM.") from error
    _check(private, chain[0])
    subject = chain[0].subject.rfc4514_string()
    return SigningIdentity(
        signer=_signer(private, chain),
        subject=subject,
        demonstration=DEMONSTRATION in subject.lower(),
        certificate_pem=chain[0].public_bytes(serialization.Encoding.PEM),
        reserved=2 * (_ROOM + sum(len(_asn1(found).dump()) for found in chain)),
        _secret=_private_bytes(private),
    )


def sign(pdf: bytes, identity: SigningIdentity, *, at: datetime, name: str) -> bytes:
    """``pdf`` with its signature appended; ``name`` is the institution's.

    The file's metadata is left as it was drawn: PDF/A wants it to agree with itself.
    """
    # PDF/A wants each object on a line of its own (ISO 19005-2, 6.1.9); drawn files end in none.
    writer = _Writer(BytesIO(pdf + b"\n"), hashlib.sha256(pdf).digest())
    metadata = signers.PdfSignatureMetadata(
        field_name=FIELD,
        md_algorithm=_DIGEST,
        name=name,
        subfilter=fields.SigSeedSubFilter.PADES,
    )
    invisible = fields.SigFieldSpec(FIELD, box=None, readable_field_name=f"Signature of {name}")
    signer = _Signer(metadata, signer=identity.signer, new_field_spec=invisible, at=at)
    signed: BytesIO = signer.sign_pdf(writer, bytes_reserved=identity.reserved)
    return signed.getvalue()


def self_signed(name: str, *, now: datetime, years: int = 10) -> tuple[str, str]:
    """A new key and a certificate that says it is for demonstration: (key, certificate) in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, name[:64]),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "Demonstration, not official"),
        ]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365 * years))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return (
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
        certificate.public_bytes(serialization.Encoding.PEM).decode(),
    )


class _Writer(IncrementalPdfFileWriter):
    """Appends the signature alone: no new dates, no random id."""

    def __init__(self, pdf: BytesIO, id_: bytes) -> None:
        super().__init__(pdf)
        self._document_id = generic.ArrayObject(
            [self.document_id[0], generic.ByteStringObject(id_[:16])]
        )

    @override
    def _update_meta(self) -> None:
        """The drawn metadata stays."""


class _Signer(signers.PdfSigner):
    """Signs at a given time instead of now."""

    def __init__(self, *args: Any, at: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._at = at.astimezone(UTC)

    @override
    def init_signing_session(self, *args: Any, **kwargs: Any) -> Any:
        session = super().init_signing_session(*args, **kwargs)
        session.system_time = self._at
        return session


class _Deterministic(signers.SimpleSigner):
    """ECDSA with the nonce of RFC 6979: the same document has the same signature."""

    ec_key: ec.EllipticCurvePrivateKey

    @override
    def sign_raw(self, data: bytes, digest_algorithm: str) -> bytes:
        if digest_algorithm != _DIGEST:
            raise ValueError(f"documents are signed with {_DIGEST}, not {digest_algorithm}")
        return self.ec_key.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


def _signer(private: Any, chain: list[x509.Certificate]) -> signers.SimpleSigner:
    store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    store.register_multiple(_asn1(certificate) for certificate in chain[1:])
    arguments: dict[str, Any] = {
        "signing_cert": _asn1(chain[0]),
        "signing_key": keys.PrivateKeyInfo.load(_private_bytes(private)),
        "cert_registry": store,
    }
    if isinstance(private, ec.EllipticCurvePrivateKey):
        found = _Deterministic(**arguments)
        found.ec_key = private
        return found
    return signers.SimpleSigner(**arguments)  # RSA with PKCS #1 v1.5 has nothing random


def _check(private: Any, certificate: x509.Certificate) -> None:
    """Raises ``SigningKeyInvalid`` for a kind of key that cannot be used, or another's."""
    match private:
        case ec.EllipticCurvePrivateKey():
            pass
        case rsa.RSAPrivateKey() if private.key_size >= _LEAST_RSA:
            pass
        case _:
            raise SigningKeyInvalid(
                f"Sign with an elliptic curve key, or with RSA of {_LEAST_RSA} bits or more."
            )
    if _public_bytes(private.public_key()) != _public_bytes(certificate.public_key()):
        raise SigningKeyInvalid("The signing certificate belongs to another key.")
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return
    if not (usage.digital_signature or usage.content_commitment):
        raise SigningKeyInvalid("The signing certificate may not be used for signatures.")


def _key_usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _asn1(certificate: x509.Certificate) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))


def _private_bytes(private: Any) -> bytes:
    found: bytes = private.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return found


def _public_bytes(public: Any) -> bytes:
    found: bytes = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return found
