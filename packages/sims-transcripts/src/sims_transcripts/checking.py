"""What the signature in a PDF from anywhere says.

The file may be hostile: parse it in a process of its own (``python -m
sims_transcripts.checking`` below), whose time and memory are bounded by the kernel.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import resource
import sys
from dataclasses import asdict, dataclass
from io import BytesIO
from typing import Literal

from asn1crypto import pem  # type: ignore[import-untyped]
from asn1crypto import x509 as asn1_x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import (
    EmbeddedPdfSignature,
    SignatureCoverageLevel,
    async_validate_pdf_signature,
)
from pyhanko_certvalidator import ValidationContext

CERTIFICATE = "SIMS_CHECK_CERTIFICATE"
"""Environment variable of the process below: the institution's certificate in PEM."""

CPU_SECONDS = 5
MEMORY = 1 << 29  # bytes

Signature = Literal["intact", "extended", "broken", "missing", "unreadable"]


@dataclass(frozen=True)
class Finding:
    """``intact``: every byte is as signed; ``extended``: something was added after signing;
    ``broken``: what was signed has been changed. ``ours``: by the institution's certificate.
    """

    signature: Signature
    ours: bool = False


def check(pdf: bytes, certificate_pem: bytes) -> Finding:
    """Never raises for what is in ``pdf``."""
    try:
        signatures = PdfFileReader(BytesIO(pdf)).embedded_regular_signatures
    except Exception:  # noqa: BLE001 (whatever the bytes make of the parser, they are no PDF)
        return Finding("unreadable")
    if not signatures:
        return Finding("missing")
    try:
        return _judge(signatures[-1], _certificate(certificate_pem))
    except Exception:  # noqa: BLE001 (a signature that cannot be read proves nothing)
        return Finding("broken")


def _judge(signature: EmbeddedPdfSignature, certificate: asn1_x509.Certificate) -> Finding:
    ours = signature.signer_cert.dump() == certificate.dump()
    # Whether the certificate is to be trusted is answered by ``ours``.
    context = ValidationContext(trust_roots=[signature.signer_cert], allow_fetching=False)
    status = asyncio.run(
        async_validate_pdf_signature(signature, signer_validation_context=context, skip_diff=True)
    )
    if not (status.intact and status.valid):
        return Finding("broken", ours)
    whole = status.coverage == SignatureCoverageLevel.ENTIRE_FILE
    return Finding("intact" if whole else "extended", ours)


def _certificate(certificate_pem: bytes) -> asn1_x509.Certificate:
    _, _, der = pem.unarmor(certificate_pem)
    return asn1_x509.Certificate.load(der)


def main() -> None:
    """Reads a PDF from standard input and writes the finding as JSON."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.disable()  # the parser complains about the file; its text is nobody's business
    found = check(sys.stdin.buffer.read(), os.environ[CERTIFICATE].encode())
    sys.stdout.write(json.dumps(asdict(found)))


if __name__ == "__main__":
    main()
