"""Mail addresses, checked before they come near a header or an SMTP command."""

from __future__ import annotations

import re
from email.headerregistry import Address
from email.utils import parseaddr

# Dot-atom of RFC 5322 3.2.3 and, for RFC 6531, anything outside ASCII that is a letter or mark.
_LOCAL = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*")
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_LONGEST = 254  # RFC 5321 4.5.3.1.3


def parse_address(text: str) -> Address:
    """A bare address; its domain in ASCII (IDNA), its local part as it is.

    Raises ``ValueError`` for anything that is not exactly one address: a newline, a second
    address or a comment never reaches a header.
    """
    local, at, domain = text.rpartition("@")
    if not at or len(text) > _LONGEST or not _LOCAL.fullmatch(local):
        raise ValueError("it is not an e-mail address")
    try:
        ascii_domain = domain.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise ValueError("its domain is not valid") from error
    if not _DOMAIN.fullmatch(ascii_domain):
        raise ValueError("its domain is not valid")
    return Address(username=local, domain=ascii_domain)


def parse_mailbox(text: str) -> Address:
    """An address with an optional name: ``SIMS <noreply@example.edu>``.

    Raises ``ValueError``.
    """
    if any(ord(character) < ord(" ") for character in text):
        raise ValueError("a mailbox has no control characters")
    name, bare = parseaddr(text)
    if not bare:
        raise ValueError(f"{text!r} is not a mailbox, for example SIMS <noreply@example.edu>")
    address = parse_address(bare)
    return Address(display_name=name, username=address.username, domain=address.domain)
