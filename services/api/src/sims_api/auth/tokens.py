"""Access tokens: short-lived Ed25519 JWTs, checked on every request.

The key is derived from ``SIMS_SECRET_KEY``, so an installation keeps one secret. After a
rotation ``SIMS_SECRET_KEY_PREVIOUS`` still verifies what it signed.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from sims_common.errors import NotAuthenticated
from sims_common.settings import SecuritySettings

ALGORITHM = "Ed25519"
ISSUER = "sims"
AUDIENCE = "sims-api"
TYPE = "at+jwt"  # RFC 9068: no other JWT of ours passes for an access token


@dataclass(frozen=True)
class Claims:
    """What a valid token says: the user, the sign-in it belongs to, its end (epoch, s)."""

    user_id: int
    session_id: uuid.UUID
    expires_at: int


def invalid() -> NotAuthenticated:
    return NotAuthenticated(
        "The access token is not valid; sign in again.",
        code="AUTH_TOKEN_INVALID",
        headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
    )


def expired() -> NotAuthenticated:
    return NotAuthenticated(
        "The access token has expired; refresh it.",
        code="AUTH_TOKEN_EXPIRED",
        headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
    )


class AccessTokens:
    """Signs and verifies."""

    def __init__(self, settings: SecuritySettings) -> None:
        self.lifetime: timedelta = settings.access_token_lifetime
        secrets = [settings.secret_key, settings.secret_key_previous]
        keys = [_derive(s.get_secret_value()) for s in secrets if s.get_secret_value()]
        self._signing = keys[0]
        self._keys = KeySet(keys)  # type: ignore[arg-type]  # OKP keys are keys
        # The same token comes with each request of ten minutes: verify its bytes once.
        self._verified = lru_cache(maxsize=4096)(self._verify)

    def issue(self, user_id: int, session_id: uuid.UUID) -> str:
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(user_id),
            "sid": str(session_id),
            "iat": now,
            "exp": now + int(self.lifetime.total_seconds()),
            "jti": uuid.uuid4().hex,
        }
        header = {"alg": ALGORITHM, "typ": TYPE, "kid": self._signing.kid}
        return jwt.encode(header, claims, self._signing, algorithms=[ALGORITHM])

    def read(self, token: str) -> Claims:
        """The claims of a genuine token; raises ``NotAuthenticated`` for any other."""
        claims = self._verified(token)
        if claims.expires_at <= time.time():
            raise expired()
        return claims

    def _verify(self, token: str) -> Claims:
        try:
            found = jwt.decode(token, self._keys, algorithms=[ALGORITHM])
            if found.header.get("typ") != TYPE:
                raise invalid()
            jwt.JWTClaimsRegistry(
                now=lambda: 0,  # the end is checked on every use, not once per cached token
                iss={"essential": True, "value": ISSUER},
                aud={"essential": True, "value": AUDIENCE},
                exp={"essential": True},
                sub={"essential": True},
            ).validate({k: v for k, v in found.claims.items() if k != "iat"})
            return Claims(
                user_id=int(found.claims["sub"]),
                session_id=uuid.UUID(str(found.claims["sid"])),
                expires_at=int(found.claims["exp"]),
            )
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise invalid() from error


def _derive(secret: str) -> OKPKey:
    return OKPKey.derive_key(
        secret,
        "Ed25519",
        auto_kid=True,
        kdf_options={"salt": b"sims", "info": b"access-token-v1"},
    )
