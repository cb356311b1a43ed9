"""What passes for an access token, and what does not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey
from pydantic import SecretStr
from services.api.tests.conftest import SECRET, Api, problem_of
from services.api.tests.factories import Make

from sims_api.auth import tokens

OTHER = "another-secret-key-of-at-least-32-characters"
TYPE, ALGORITHM = "at+jwt", "Ed25519"


def key_of(secret: str) -> OKPKey:
    """The signing key as the service derives it: an attacker with it could do as much."""
    options = {"salt": b"sims", "info": b"access-token-v1"}
    return OKPKey.derive_key(secret, "Ed25519", auto_kid=True, kdf_options=options)


def signature_of(key: OKPKey, signed: str) -> str:
    private = key.private_key
    assert isinstance(private, Ed25519PrivateKey)
    return encoded(private.sign(signed.encode()))


def encoded(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class Forge:
    """Makes tokens for a user who has a session, right in all but what a test changes."""

    def __init__(self, api: Api) -> None:
        user = api.make.user("Admin")
        session = api.make.auth_session(user)
        self.key = key_of(SECRET)
        self.header: dict[str, Any] = {"alg": ALGORITHM, "typ": TYPE, "kid": self.key.kid}
        self.claims: dict[str, Any] = {
            "iss": "sims",
            "aud": "sims-api",
            "sub": str(user.id),
            "sid": str(session.id),
            "iat": int(time.time()),
            "exp": int(time.time()) + 600,
        }

    def token(
        self, *, header: dict[str, Any] | None = None, key: OKPKey | None = None, **claims: Any
    ) -> str:
        """A signed token; a claim of None is left out."""
        said = {k: v for k, v in (self.claims | claims).items() if v is not None}
        head = {k: v for k, v in (self.header | (header or {})).items() if v is not None}
        return jwt.encode(head, said, key or self.key, algorithms=[ALGORITHM])


@pytest.fixture(scope="module")
def api(shared_api: Api) -> Api:
    return shared_api


@pytest.fixture(scope="module")
def forge(api: Api) -> Forge:
    return Forge(api)


def refused(api: Api, token: str, code: str = "AUTH_TOKEN_INVALID") -> None:
    headers = {b"Authorization": f"Bearer {token}".encode()}
    answer = httpx.get(f"{api.url}/api/auth/me/", headers=headers)
    problem_of(answer, 401, code)
    assert answer.headers["www-authenticate"].startswith("Bearer")
    body = {"name": "n", "code": "c"}
    posted = httpx.post(f"{api.url}/api/academics/departments/", json=body, headers=headers)
    problem_of(posted, 401, code)


def test_the_forge_makes_tokens_that_pass(api: Api, forge: Forge) -> None:
    assert api.client(forge.token()).get("/api/auth/me/").status_code == 200


@pytest.mark.parametrize("header", ["", "Basic YTpi", "Bearer", "Token abc", "bearer", "Digest x"])
def test_without_a_bearer_token_one_is_asked_for(api: Api, header: str) -> None:
    answer = api.client(Authorization=header).get("/api/auth/me/")
    problem_of(answer, 401, "AUTH_REQUIRED")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "a.b",
        "a.b.c",
        "....",
        "a.b.c.d.e",
        "é.é.é",
        "null.null.null",
        "W10.W10.W10",
        "x" * 20_000,
        "7e57ab1e-0000-4000-8000-000000000001",
        "' OR 1=1 --",
    ],
)
def test_what_is_no_token_is_invalid(api: Api, token: str) -> None:
    refused(api, token)


def test_a_changed_claim_breaks_the_signature(api: Api, forge: Forge) -> None:
    header, claims, signature = forge.token().split(".")
    raised = encoded({**forge.claims, "sub": "1", "is_superuser": True})
    refused(api, f"{header}.{raised}.{signature}")
    flipped = ("A" if signature[0] != "A" else "B") + signature[1:]
    refused(api, f"{header}.{claims}.{flipped}")
    refused(api, f"{header}.{claims}.")
    refused(api, f"{header}.{claims}")


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", None])
def test_an_unsigned_token_is_invalid(api: Api, forge: Forge, alg: str | None) -> None:
    header = {k: v for k, v in (forge.header | {"alg": alg}).items() if v is not None}
    for signature in ("", encoded(b"x" * 64)):
        refused(api, f"{encoded(header)}.{encoded(forge.claims)}.{signature}")


def test_the_public_key_is_no_hmac_secret(api: Api, forge: Forge) -> None:
    """Algorithm confusion: what verifies our signature must not verify theirs."""
    public = forge.key.as_dict(private=False)
    secrets = [
        forge.key.as_pem(private=False),
        base64.urlsafe_b64decode(str(public["x"]) + "=="),
        str(public["x"]).encode(),
        json.dumps(public).encode(),
    ]
    for secret in secrets:
        for alg, digest in (("HS256", hashlib.sha256), ("HS512", hashlib.sha512)):
            signed = f"{encoded(forge.header | {'alg': alg})}.{encoded(forge.claims)}"
            mac = hmac.new(secret, signed.encode(), digest).digest()
            refused(api, f"{signed}.{encoded(mac)}")


def test_the_secret_itself_signs_nothing_by_hmac(api: Api, forge: Forge) -> None:
    token = jwt.encode(
        {"alg": "HS256", "typ": TYPE}, forge.claims, OctKey.import_key(SECRET.encode())
    )
    refused(api, token)


def test_a_key_in_the_header_is_not_believed(api: Api, forge: Forge) -> None:
    own = OKPKey.generate_key("Ed25519", auto_kid=True)
    public = own.as_dict(private=False)
    for extra in (
        {"jwk": public, "kid": own.kid},
        {"jwk": public},
        {"jku": "http://127.0.0.1:1/keys.json", "kid": own.kid},
        {"x5u": "http://127.0.0.1:1/key.pem", "kid": own.kid},
        {"kid": own.kid},
        {"kid": None},
    ):
        header = {k: v for k, v in (forge.header | extra).items() if v is not None}
        signed = f"{encoded(header)}.{encoded(forge.claims)}"
        refused(api, f"{signed}.{signature_of(own, signed)}")


@pytest.mark.parametrize(
    "kid", ["../../etc/passwd", "' UNION SELECT 'x", "\0", "", 7, ["a"], {"a": 1}, True]
)
def test_a_key_id_is_only_looked_up(api: Api, forge: Forge, kid: Any) -> None:
    signed = f"{encoded(forge.header | {'kid': kid})}.{encoded(forge.claims)}"
    refused(api, f"{signed}.{signature_of(forge.key, signed)}")


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},
        {"typ": None},
        {"typ": "application/at+jwt"},
        {"crit": ["exp"], "exp": 1},
        {"crit": ["b64"], "b64": False},
    ],
)
def test_a_token_of_another_type_is_invalid(api: Api, forge: Forge, header: dict[str, Any]) -> None:
    head = {k: v for k, v in (forge.header | header).items() if v is not None}
    signed = f"{encoded(head)}.{encoded(forge.claims)}"
    refused(api, f"{signed}.{signature_of(forge.key, signed)}")


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "somebody"},
        {"iss": None},
        {"aud": "another-api"},
        {"aud": None},
        {"aud": ["another-api"]},
        {"exp": None},
        {"exp": "soon"},
        {"sub": None},
        {"sub": "amina"},
        {"sub": ""},
        {"sid": None},
        {"sid": "no-uuid"},
        {"sid": 7},
    ],
)
def test_a_missing_or_wrong_claim_is_invalid(
    api: Api, forge: Forge, claims: dict[str, Any]
) -> None:
    refused(api, forge.token(**claims))


@pytest.mark.parametrize("claims", [[], "text", 7, None])
def test_claims_are_an_object(api: Api, forge: Forge, claims: Any) -> None:
    signed = f"{encoded(forge.header)}.{encoded(claims)}"
    refused(api, f"{signed}.{signature_of(forge.key, signed)}")


def test_an_expired_token_says_so_and_its_cached_signature_does_not_help(
    api: Api, forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(api, forge.token(exp=int(time.time()) - 1), "AUTH_TOKEN_EXPIRED")
    token = forge.token()
    assert api.client(token).get("/api/auth/me/").status_code == 200
    end = float(forge.claims["exp"])
    monkeypatch.setattr(tokens, "time", SimpleNamespace(time=lambda: end - 0.1))
    assert api.client(token).get("/api/auth/me/").status_code == 200
    monkeypatch.setattr(tokens, "time", SimpleNamespace(time=lambda: end))
    refused(api, token, "AUTH_TOKEN_EXPIRED")


@pytest.mark.parametrize(
    "session",
    ["7e57ab1e-0000-4000-8000-000000000001", "00000000-0000-0000-0000-000000000000"],
)
def test_a_token_of_a_session_that_is_not_there_is_revoked(
    api: Api, forge: Forge, session: str
) -> None:
    refused(api, forge.token(sid=session), "AUTH_TOKEN_REVOKED")


def test_a_session_is_its_user_s_alone(api: Api, forge: Forge) -> None:
    """Even who could sign cannot put another user onto a session."""
    other = api.make.user("Admin", is_superuser=True)
    refused(api, forge.token(sub=str(other.id)), "AUTH_TOKEN_REVOKED")
    refused(api, forge.token(sub="0"), "AUTH_TOKEN_REVOKED")
    refused(api, forge.token(sub="-1"), "AUTH_TOKEN_REVOKED")


def test_after_a_rotation_the_previous_key_verifies_and_the_new_one_signs(
    start_api: Callable[..., Api], make: Make
) -> None:
    user = make.user("Admin")
    before = start_api().token(user)
    rotated = start_api(secret_key=SecretStr(OTHER), secret_key_previous=SecretStr(SECRET))
    assert rotated.client(before).get("/api/auth/me/").status_code == 200
    after = rotated.token(user)
    kid = json.loads(base64.urlsafe_b64decode(after.split(".", maxsplit=1)[0] + "=="))["kid"]
    assert kid == key_of(OTHER).kid

    done = start_api(secret_key=SecretStr(OTHER))
    assert done.client(after).get("/api/auth/me/").status_code == 200
    problem_of(done.client(before).get("/api/auth/me/"), 401, "AUTH_TOKEN_INVALID")


def test_the_lifetime_of_an_access_token_is_the_setting(
    start_api: Callable[..., Api], make: Make
) -> None:
    api = start_api(access_token_lifetime=timedelta(minutes=3))
    claims = json.loads(base64.urlsafe_b64decode(api.token(make.user()).split(".")[1] + "=="))
    assert claims["exp"] - claims["iat"] == 180
    assert claims.keys() == {"iss", "aud", "sub", "sid", "iat", "exp", "jti"}
