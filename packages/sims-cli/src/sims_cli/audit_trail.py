"""What ``sims audit`` does."""

from __future__ import annotations

import json
import os
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from sims_cli.database import connected
from sims_cli.stack.environment import given
from sims_common.errors import ValidationFailed
from sims_common.settings import SecuritySettings, load
from sims_core import audit_protection
from sims_core.audit_verification import Report, Seal, key_of, seal, verify


def _keys() -> list[bytes]:
    settings = load(SecuritySettings)
    secrets = (settings.secret_key, settings.secret_key_previous)
    return [key_of(s.get_secret_value()) for s in secrets if s.get_secret_value()]


def verified(against: Path | None) -> Report:
    """Raises ``ValidationFailed`` when the file does not hold seals."""
    with connected("sims audit", statement_timeout=0) as engine:
        keys = _keys()
        elsewhere = _read(against) if against else []
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            return verify(connection, keys, elsewhere)


def sealed() -> str:
    """The seal as one line of JSON."""
    with connected("sims audit") as engine:
        key = _keys()[0]
        with engine.begin() as connection:
            made = seal(connection, key)
    return json.dumps({"heads": made.heads, "signature": made.signature.hex()})


def _read(path: Path) -> list[Seal]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        found = [json.loads(line) for line in lines if line.strip()]
        return [Seal(one["heads"], bytes.fromhex(one["signature"])) for one in found]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValidationFailed(f"{path} does not hold seals: {error}") from error


def protected(role: str) -> bool:
    """Whether there was a superuser's URL to do it with."""
    url = given("SIMS_AUDIT_ADMIN_URL", os.environ)
    if not url:
        return False
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        audit_protection.protect(connection, role)
    return True
