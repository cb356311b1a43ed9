"""Signing in, staying signed in, signing out; over HTTP, as clients do it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest
from services.api.tests.conftest import Api, LogLines, problem_of
from services.api.tests.factories import Make
from sqlalchemy import delete, func, select, update

from sims_common.clock import now
from sims_core import passwords
from sims_core.models import AuthSession, RefreshToken, User, UserRole

PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def password_hash() -> str:
    return passwords.hash_password(PASSWORD)


@pytest.fixture
def amina(make: Make, password_hash: str) -> User:
    return make.user(
        "Registrar",
        username="Amina.Yusuf",
        email="Amina@Example.edu",
        full_name="Amina Yusuf",
        password_hash=password_hash,
    )


def login(api: Api, identifier: str = "amina.yusuf", password: str = PASSWORD) -> httpx.Response:
    body = {"identifier": identifier, "password": password}
    return api.client().post("/api/auth/login/", json=body)


def tokens_of(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 200, answer.text
    found: dict[str, str] = answer.json()["tokens"]
    return found


def refresh(api: Api, token: str) -> httpx.Response:
    return api.client().post("/api/auth/refresh/", json={"refresh": token})


def age_use_of(make: Make, token: str, seconds: int) -> None:
    """Makes the token's use ``seconds`` old."""
    digest = hashlib.sha256(token.encode()).digest()
    used = now() - timedelta(seconds=seconds)
    make.session.execute(
        update(RefreshToken).where(RefreshToken.token_hash == digest).values(used_at=used)
    )
    make.session.commit()


def test_who_signs_in_gets_tokens_and_is_told_who_they_are(api: Api, amina: User) -> None:
    answer = login(api)
    user = {
        "id": amina.id,
        "username": "Amina.Yusuf",
        "email": "Amina@Example.edu",
        "full_name": "Amina Yusuf",
        "role": "Registrar",
        "is_active": True,
        "student_id": None,
        "must_change_password": False,
    }
    assert answer.json() == {"user": user, "tokens": tokens_of(answer)}
    me = api.client(tokens_of(answer)["access"]).get("/api/auth/me/")
    assert (me.status_code, me.json()) == (200, user)


@pytest.mark.parametrize(
    "identifier",
    ["Amina.Yusuf", "AMINA.YUSUF", "  amina.yusuf\t", "amina@example.edu", " AMINA@EXAMPLE.EDU "],
)
def test_user_name_and_email_count_in_any_case_and_trimmed(
    api: Api, amina: User, identifier: str
) -> None:
    assert login(api, identifier).json()["user"]["id"] == amina.id


def test_names_are_compared_by_the_rules_of_the_database(
    api: Api, make: Make, password_hash: str
) -> None:
    """Python and PostgreSQL lower-case the dotted I and the final sigma differently."""
    for n, name in enumerate(["İpek", "ΟΔΥΣΣΕΥΣ"]):
        user = make.user(username=name, email=f"u{n}@x.edu", password_hash=password_hash)
        assert login(api, name).json()["user"]["id"] == user.id


def test_wrong_password_and_unknown_user_get_the_same_answer(api: Api, amina: User) -> None:
    answers = [login(api, amina.username, "wrong"), login(api, "nobody", "wrong")]
    bodies = [problem_of(a, 401, "AUTH_INVALID_CREDENTIALS") for a in answers]
    for body in bodies:
        body.pop("request_id")
    assert bodies[0] == bodies[1]


def test_only_the_right_password_learns_that_the_account_is_inactive(
    api: Api, make: Make, password_hash: str
) -> None:
    make.user(username="gone", is_active=False, password_hash=password_hash)
    problem_of(login(api, "gone", "wrong"), 401, "AUTH_INVALID_CREDENTIALS")
    problem_of(login(api, "gone"), 401, "AUTH_INACTIVE_ACCOUNT")


def test_an_account_without_a_usable_password_is_wrong_credentials(api: Api, make: Make) -> None:
    make.user(username="imported", password_hash="!")
    problem_of(login(api, "imported"), 401, "AUTH_INVALID_CREDENTIALS")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"identifier": "amina"},
        {"password": "x"},
        {"identifier": "", "password": "x"},
        {"identifier": "   ", "password": "x"},
        {"identifier": "amina", "password": ""},
        {"identifier": "a" * 255, "password": "x"},
        {"identifier": "amina", "password": "x" * 1025},
        {"identifier": ["amina"], "password": "x"},
        {"identifier": "amina", "password": "x", "role": "Admin"},
    ],
)
def test_a_login_of_another_form_is_a_400_that_names_the_field(
    api: Api, body: dict[str, Any]
) -> None:
    answer = api.client().post("/api/auth/login/", json=body)
    assert problem_of(answer, 400, "VALIDATION_ERROR")["errors"]


def test_a_password_of_other_parameters_is_hashed_anew(
    api: Api, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pwdlib.hashers.argon2 import Argon2Hasher

    old = Argon2Hasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    user = make.user(username="old", password_hash=old)
    tokens_of(login(api, "old"))
    make.reload(user)
    assert user.password_hash != old
    assert user.last_login_at is not None
    tokens_of(login(api, "old"))


def test_sign_ins_note_the_browser_and_do_not_end_each_other(
    api: Api, make: Make, amina: User
) -> None:
    body = {"identifier": "amina.yusuf", "password": PASSWORD}
    first = api.client().post("/api/auth/login/", json=body, headers={"User-Agent": "x" * 400})
    second = login(api)
    for answer in (first, second):
        assert api.client(tokens_of(answer)["access"]).get("/api/auth/me/").status_code == 200
    agents = make.session.scalars(select(AuthSession.user_agent)).all()
    assert "x" * 255 in agents


def test_a_refresh_gives_a_new_pair_and_both_old_access_tokens_go_on(api: Api, amina: User) -> None:
    first = tokens_of(login(api))
    answer = refresh(api, first["refresh"])
    assert answer.status_code == 200
    second = answer.json()
    assert second.keys() == {"access", "refresh"}
    assert not set(first.values()) & set(second.values())
    for tokens in (first, second):
        assert api.client(tokens["access"]).get("/api/auth/me/").status_code == 200


def test_a_refresh_token_copied_and_used_after_the_grace_ends_the_family(
    api: Api, make: Make, amina: User
) -> None:
    stolen = tokens_of(login(api))
    owner = refresh(api, stolen["refresh"]).json()
    age_use_of(make, stolen["refresh"], 11)

    problem_of(refresh(api, stolen["refresh"]), 401, "AUTH_TOKEN_INVALID")

    # The 401 did not roll the revocation back: nothing of the family works any more.
    problem_of(refresh(api, owner["refresh"]), 401, "AUTH_TOKEN_REVOKED")
    for access in (stolen["access"], owner["access"]):
        problem_of(api.client(access).get("/api/auth/me/"), 401, "AUTH_TOKEN_REVOKED")
    make.session.rollback()
    reason = make.session.scalars(select(AuthSession.revoked_reason)).one()
    assert reason == "refresh token reused"


def test_another_sign_in_of_the_same_user_survives_the_end_of_a_family(
    api: Api, make: Make, amina: User
) -> None:
    first, other = tokens_of(login(api)), tokens_of(login(api))
    refresh(api, first["refresh"])
    age_use_of(make, first["refresh"], 11)
    problem_of(refresh(api, first["refresh"]), 401, "AUTH_TOKEN_INVALID")
    assert refresh(api, other["refresh"]).status_code == 200


def test_two_tabs_that_refresh_within_the_grace_both_stay_signed_in(
    api: Api, make: Make, amina: User
) -> None:
    first = tokens_of(login(api))
    tabs = [refresh(api, first["refresh"]).json() for _ in range(2)]
    age_use_of(make, first["refresh"], 9)
    tabs.append(refresh(api, first["refresh"]).json())
    for tab in tabs:
        assert api.client(tab["access"]).get("/api/auth/me/").status_code == 200
        assert refresh(api, tab["refresh"]).status_code == 200


def test_twenty_refreshes_at_once_keep_one_family_alive(api: Api, make: Make, amina: User) -> None:
    token = tokens_of(login(api))["refresh"]
    clients = [api.client() for _ in range(20)]

    def send(client: httpx.Client) -> httpx.Response:
        return client.post("/api/auth/refresh/", json={"refresh": token})

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(send, clients))
    assert [a.status_code for a in answers] == [200] * 20
    assert len({a.json()["refresh"] for a in answers}) == 20
    make.session.rollback()
    assert make.session.scalars(select(AuthSession.revoked_at)).all() == [None]
    for answer in answers:
        access = answer.json()["access"]
        assert api.client(access).get("/api/auth/me/").status_code == 200


def test_refreshing_keeps_a_sign_in_alive_and_its_end_ends_it(
    api: Api, make: Make, amina: User
) -> None:
    tokens = tokens_of(login(api))
    family = make.session.scalars(select(AuthSession)).one()
    before = family.expires_at
    following = refresh(api, tokens["refresh"]).json()
    make.reload(family)
    assert family.expires_at > before
    family.expires_at = now() - timedelta(seconds=1)
    make.session.commit()
    problem_of(refresh(api, following["refresh"]), 401, "AUTH_TOKEN_EXPIRED")
    problem_of(api.client(following["access"]).get("/api/auth/me/"), 401, "AUTH_TOKEN_REVOKED")


def test_an_expired_refresh_token_says_so(api: Api, make: Make, amina: User) -> None:
    token = tokens_of(login(api))["refresh"]
    make.session.execute(update(RefreshToken).values(expires_at=now() - timedelta(seconds=1)))
    make.session.commit()
    problem_of(refresh(api, token), 401, "AUTH_TOKEN_EXPIRED")


@pytest.mark.parametrize("token", ["nonsense", "x" * 256, "ünicode"])
def test_an_unknown_refresh_token_is_invalid(api: Api, token: str) -> None:
    problem_of(refresh(api, token), 401, "AUTH_TOKEN_INVALID")


def test_an_access_token_is_no_refresh_token_nor_the_other_way_round(api: Api, amina: User) -> None:
    tokens = tokens_of(login(api))
    problem_of(refresh(api, tokens["access"][:256]), 401, "AUTH_TOKEN_INVALID")
    problem_of(api.client(tokens["refresh"]).get("/api/auth/me/"), 401, "AUTH_TOKEN_INVALID")


@pytest.mark.parametrize("body", [None, {}, {"refresh": "whatever"}])
def test_logout_ends_access_and_refresh_at_once(
    api: Api, amina: User, body: dict[str, str] | None
) -> None:
    tokens = tokens_of(login(api))
    client = api.client(tokens["access"])
    answer = client.post("/api/auth/logout/", json=body)
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    problem_of(client.get("/api/auth/me/"), 401, "AUTH_TOKEN_REVOKED")
    problem_of(client.post("/api/auth/logout/"), 401, "AUTH_TOKEN_REVOKED")
    problem_of(refresh(api, tokens["refresh"]), 401, "AUTH_TOKEN_REVOKED")


def test_logout_needs_a_token(api: Api) -> None:
    problem_of(api.client().post("/api/auth/logout/"), 401, "AUTH_REQUIRED")


def test_deactivation_counts_on_the_next_request(api: Api, make: Make, amina: User) -> None:
    tokens = tokens_of(login(api))
    client = api.client(tokens["access"])
    assert client.get("/api/students/").status_code == 200
    amina.is_active = False
    make.session.commit()
    problem_of(client.get("/api/students/"), 401, "AUTH_INACTIVE_ACCOUNT")
    problem_of(refresh(api, tokens["refresh"]), 401, "AUTH_INACTIVE_ACCOUNT")


def test_a_lost_role_counts_on_the_next_request(api: Api, make: Make, amina: User) -> None:
    client = api.client(tokens_of(login(api))["access"])
    assert client.get("/api/students/").status_code == 200
    make.session.execute(delete(UserRole).where(UserRole.user_id == amina.id))
    make.session.commit()
    problem_of(client.get("/api/students/"), 403, "PERMISSION_DENIED")
    assert client.get("/api/auth/me/").json()["role"] == "User"


def test_a_superuser_passes_until_they_are_none(api: Api, make: Make) -> None:
    user = make.user(is_superuser=True)
    client = api.sign_in(user)
    assert client.get("/api/auth/me/").json()["role"] == "Admin"
    assert client.get("/api/students/").status_code == 200
    user.is_superuser = False
    make.session.commit()
    problem_of(client.get("/api/students/"), 403, "PERMISSION_DENIED")


def test_a_deleted_user_has_no_session(api: Api, make: Make) -> None:
    user = make.user("Admin")
    client = api.sign_in(user)
    make.session.delete(user)
    make.session.commit()
    problem_of(client.get("/api/auth/me/"), 401, "AUTH_TOKEN_REVOKED")


def test_of_several_roles_the_first_is_shown_and_all_count(api: Api) -> None:
    client = api.as_("Student", "Faculty", "ExamCell")
    assert client.get("/api/auth/me/").json()["role"] == "ExamCell"
    assert client.get("/api/students/").status_code == 200


def test_full_name_falls_back_to_the_user_name_and_a_student_is_named(api: Api, make: Make) -> None:
    user = make.user("Student")
    student = make.student(user_id=user.id)
    body = api.sign_in(user).get("/api/auth/me/").json()
    assert (body["full_name"], body["student_id"]) == (user.username, student.id)


def test_the_old_forms_of_login_and_refresh_still_work(api: Api, amina: User) -> None:
    client = api.client()
    body = {"email": "amina@example.edu", "password": PASSWORD}
    answer = client.post("/api/auth/token/", json=body)
    assert answer.status_code == 200
    assert answer.json().keys() == {"access", "refresh"}
    again = client.post("/api/auth/token/refresh/", json={"refresh": answer.json()["refresh"]})
    assert api.client(again.json()["access"]).get("/api/auth/me/").status_code == 200
    problem_of(client.post("/api/auth/token/", json={"email": "x"}), 400, "VALIDATION_ERROR")


def test_no_database_connection_is_held_while_a_password_is_hashed(
    start_api: Callable[..., Api], make: Make, password_hash: str
) -> None:
    """Six logins at once through a pool of one connection: none of them waits for another."""
    api = start_api(database_pool_size=1, database_max_overflow=0, database_pool_timeout=1.0)
    users = [make.user(password_hash=password_hash).username for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda name: login(api, name), users))
    assert [a.status_code for a in answers] == [200] * 6


def test_passwords_and_tokens_are_in_no_log_and_no_table(
    api: Api, make: Make, amina: User, log_lines: LogLines
) -> None:
    tokens = tokens_of(login(api))
    login(api, "amina.yusuf", "canary-wrong-password")
    login(api, "canary-unknown-user", "canary-wrong-password")
    following = refresh(api, tokens["refresh"]).json()
    age_use_of(make, tokens["refresh"], 11)
    refresh(api, tokens["refresh"])
    api.client(following["access"] + "x").get("/api/auth/me/")
    for kind in ("application/json", "text/plain"):
        api.client(**{"Content-Type": kind}).post(
            "/api/auth/login/", content=b'{"password": "canary-wrong-password"'
        )
    api.client().get("/api/auth/me/?token=" + following["access"])

    events = {line["event"] for line in log_lines.all()}
    assert {"login", "login refused", "refresh token reused; family revoked"} <= events
    secrets = [PASSWORD, "canary", *tokens.values(), *following.values()]
    assert [secret for secret in secrets if secret in log_lines.text] == []
    stored = make.session.scalars(select(RefreshToken.token_hash)).all()
    assert {len(found) for found in stored} == {32}
    assert make.session.scalar(select(func.count()).select_from(RefreshToken)) == 2
