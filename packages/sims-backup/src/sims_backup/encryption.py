"""Client-side encryption with age: public keys at backup, identities at restore only."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from typing import IO, Any

import pyrage  # type: ignore[import-untyped]  # no types shipped
from typing_extensions import override

from sims_backup.errors import ObjectDamaged, Refused
from sims_backup.streams import BLOCK, Filled, Piped, Source

SUFFIX = ".age"


def fingerprint(recipient: str) -> str:
    """First 16 hex digits of the SHA-256 of the public key's text."""
    return hashlib.sha256(recipient.encode()).hexdigest()[:16]


class Recipients:
    """Public keys; any one of their identities opens what is encrypted."""

    def __init__(self, keys: Sequence[str]) -> None:
        self.keys = sorted(set(keys))
        try:
            self._parsed = [pyrage.x25519.Recipient.from_str(key) for key in self.keys]
        except pyrage.RecipientError as error:
            raise Refused(
                "SIMS_BACKUP_RECIPIENTS holds something that is no age public key (age1…); "
                "make a pair with age-keygen and put the public key there"
            ) from error

    @property
    def fingerprints(self) -> list[str]:
        return [fingerprint(key) for key in self.keys]

    @property
    def namespace(self) -> str:
        """Where media encrypted for exactly these keys lives."""
        return fingerprint("\n".join(self.keys)) if self.keys else "plain"

    def encrypt(self, source: Source) -> Source:
        parsed = self._parsed

        def run(writer: IO[bytes]) -> None:
            raw = _Raw(Filled(source))
            try:
                pyrage.encrypt_io(io.BufferedReader(raw, buffer_size=BLOCK), writer, parsed)
            except Exception as error:  # noqa: BLE001  pyrage wraps what the source raised
                raise raw.error or error from None

        return Piped(run, "encrypt")


class Identities:
    """Secret keys of a person who restores."""

    def __init__(self, text: str) -> None:
        lines = [line.strip() for line in text.splitlines()]
        keys = [line for line in lines if line and not line.startswith("#")]
        try:
            self._parsed = [pyrage.x25519.Identity.from_str(key) for key in keys]
        except pyrage.IdentityError:
            raise Refused(
                "SIMS_BACKUP_IDENTITY holds something that is no age identity "
                "(AGE-SECRET-KEY-1…), one a line"
            ) from None
        self.fingerprints = {fingerprint(str(item.to_public())) for item in self._parsed}

    def require(self, recipients: Sequence[str], set_id: str) -> None:
        """Refuses before anything is read when no identity fits the set."""
        if self.fingerprints.isdisjoint(recipients):
            have = ", ".join(sorted(self.fingerprints)) or "none"
            raise Refused(
                f"{set_id} is encrypted for {', '.join(recipients)}; identities given: {have}. "
                "Set SIMS_BACKUP_IDENTITY_FILE to the file of a matching key"
            )

    def decrypt(self, source: Source, name: str) -> Source:
        parsed = self._parsed

        def run(writer: IO[bytes]) -> None:
            raw = _Raw(Filled(source))
            try:
                pyrage.decrypt_io(io.BufferedReader(raw, buffer_size=BLOCK), writer, parsed)
            except BrokenPipeError:
                raise
            except Exception as error:
                if raw.error is not None:
                    raise raw.error from None
                raise ObjectDamaged(
                    f"{name}: can't be decrypted; wrong key or changed content ({error})"
                ) from error

        return Piped(run, "decrypt")


class _Raw(io.RawIOBase):
    """A raw file around a source; keeps the source's error, of which pyrage loses the type."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.error: BaseException | None = None

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Any, /) -> int:
        try:
            block = self._source.read(len(buffer))
        except BaseException as error:
            self.error = error
            raise
        buffer[: len(block)] = block
        return len(block)
