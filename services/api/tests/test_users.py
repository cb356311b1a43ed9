"""Logins and roles: nobody gives what they lack, an Admin stays, and it all counts at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from services.api.tests.conftest import Api, problem_of
from sqlalchemy import select

from sims_api.auth import throttle
from sims_core import passwords
from sims_core.models import Role, RolePermission, UserRole

URL = "/api/users/"
NEW = "seven wet turnips laugh"


def role_id(api: Api, name: str) -> int:
    return api.make.session.scalars(select(Role.id).where(Role.name == name)).one()


def clerk(api: Api, *codes: str) -> httpx.Client:
    """A client of somebody with a role of these permissions."""
    role = Role(name=f"Clerk {api.make.number()}")
    api.make.session.add(role)
    api.make.session.flush()
    api.make.session.add_all(RolePermission(role_id=role.id, permission_code=c) for c in codes)
    api.make.session.commit()
    return api.as_(role.name)


def login(api: Api, name: str, password: str, **headers: str) -> httpx.Response:
    body = {"identifier": name, "password": password}
    return api.client(**headers).post("/api/auth/login/", json=body)


def test_a_login_is_made_set_up_by_its_owner_and_used(api: Api) -> None:
    admin = api.as_("Admin")
    sent = {"username": "amina", "email": "amina@example.edu", "roles": [role_id(api, "Registrar")]}
    made = admin.post(URL, json=sent)
    assert made.status_code == 201, made.text
    user = made.json()
    assert "password" not in {key for key in user if key != "must_change_password"}
    problem_of(login(api, "amina", "unset"), 401, "AUTH_INVALID_CREDENTIALS")
    code = admin.post(f"{URL}{user['id']}/reset-password/").json()["code"]
    body = {"username": "amina", "code": code, "new_password": NEW}
    wrong = api.client().post("/api/auth/set-password/", json=body | {"code": "x" * 22})
    problem_of(wrong, 401, "AUTH_CODE_INVALID")
    assert api.client().post("/api/auth/set-password/", json=body).status_code == 200
    problem_of(api.client().post("/api/auth/set-password/", json=body), 401, "AUTH_CODE_INVALID")
    assert login(api, "amina", NEW).json()["user"]["role"] == "Registrar"


def test_deactivation_and_reset_count_on_the_next_request(api: Api) -> None:
    admin = api.as_("Admin")
    user = api.make.user("Registrar")
    client = api.sign_in(user)
    assert client.get("/api/students/").status_code == 200
    assert admin.post(f"{URL}{user.id}/deactivate/").status_code == 204
    problem_of(client.get("/api/students/"), 401, "AUTH_TOKEN_REVOKED")
    assert admin.post(f"{URL}{user.id}/activate/").status_code == 204
    problem_of(client.get("/api/students/"), 401, "AUTH_TOKEN_REVOKED")
    again = api.sign_in(user)
    assert admin.post(f"{URL}{user.id}/reset-password/").status_code == 200
    problem_of(again.get("/api/students/"), 401, "AUTH_TOKEN_REVOKED")


def test_who_must_change_the_password_can_do_nothing_else(api: Api) -> None:
    old = "an old one, of somebody"
    user = api.make.user(
        "Registrar", must_change_password=True, password_hash=passwords.hash_password(old)
    )
    client, other = api.sign_in(user), api.sign_in(user)
    for path in ("/api/students/", "/api/auth/sessions/", URL):
        problem_of(client.get(path), 403, "PASSWORD_CHANGE_REQUIRED")
    assert client.get("/api/auth/me/").json()["must_change_password"] is True
    change = "/api/auth/change-password/"
    body = {"current_password": old, "new_password": NEW}
    for wrong, code in (
        (body | {"current_password": "not this one"}, "PASSWORD_WRONG"),
        (body | {"new_password": old}, "PASSWORD_SAME"),
        (body | {"new_password": "short"}, "PASSWORD_TOO_SHORT"),
        (body | {"new_password": "password1234"}, "PASSWORD_TOO_COMMON"),
        (body | {"new_password": f"{user.username}@example.edu"}, "PASSWORD_TOO_COMMON"),
    ):
        problem_of(client.post(change, json=wrong), 400, code)
    assert client.post(change, json=body).status_code == 200
    assert client.get("/api/students/").status_code == 200
    problem_of(other.get("/api/students/"), 401, "AUTH_TOKEN_REVOKED")


def test_nobody_gives_or_takes_what_they_do_not_have(api: Api) -> None:
    mine = ("users.users.view", "users.users.create", "users.users.update", "users.roles.view",
            "users.roles.create", "users.roles.update", "users.roles.delete")  # fmt: skip
    client = clerk(api, *mine)
    admin_role, registrar = role_id(api, "Admin"), role_id(api, "Registrar")
    body: dict[str, Any] = {"username": "x", "email": "x@example.edu"}
    for roles in ([admin_role], [registrar]):
        answer = client.post(URL, json=body | {"roles": roles})
        problem_of(answer, 403, "BEYOND_OWN_RIGHTS")
    assert client.post(URL, json=body).status_code == 201
    boss, root = api.make.user("Admin"), api.make.user(is_superuser=True)
    for target in (boss, root):
        path = f"{URL}{target.id}/"
        sent = {"email": "mine@example.edu"}
        problem_of(client.patch(path, json=sent), 403, "BEYOND_OWN_RIGHTS")
        for action in ("reset-password", "deactivate", "activate"):
            problem_of(client.post(f"{path}{action}/"), 403, "BEYOND_OWN_RIGHTS")
        session = api.make.auth_session(target)
        problem_of(client.delete(f"{path}sessions/{session.id}/"), 403, "BEYOND_OWN_RIGHTS")
    problem_of(api.as_("Admin").patch(f"{URL}{root.id}/", json={"email": "a@b.cd"}), 403,
               "BEYOND_OWN_RIGHTS")  # fmt: skip
    role = {"name": "Mine", "permissions": [*mine, "students.students.view"]}
    problem_of(client.post("/api/roles/", json=role), 403, "BEYOND_OWN_RIGHTS")
    made = client.post("/api/roles/", json=role | {"permissions": mine[:2]})
    assert made.status_code == 201, made.text
    assert made.json()["permissions"] == sorted(mine[:2])
    path = f"/api/roles/{made.json()['id']}/"
    problem_of(client.patch(path, json={"permissions": ["audit.events.view"]}), 403,
               "BEYOND_OWN_RIGHTS")  # fmt: skip
    problem_of(client.patch(f"/api/roles/{registrar}/", json={"permissions": []}), 403,
               "BEYOND_OWN_RIGHTS")  # fmt: skip
    assert client.delete(path).status_code == 204


@pytest.mark.parametrize("field", ["is_superuser", "password_hash", "password", "id", "version"])
def test_no_body_reaches_what_is_not_a_field(shared_api: Api, field: str) -> None:
    admin = shared_api.as_("Admin")
    user = shared_api.make.user()
    body = {"username": f"n{user.id}", "email": f"n{user.id}@example.edu", field: True}
    problem_of(admin.post(URL, json=body), 400, "VALIDATION_ERROR")
    problem_of(admin.patch(f"{URL}{user.id}/", json={field: True}), 400, "VALIDATION_ERROR")


def test_system_roles_keep_their_name_and_admin_its_rights(api: Api) -> None:
    admin = api.as_("Admin")
    registrar = f"/api/roles/{role_id(api, 'Registrar')}/"
    problem_of(admin.patch(registrar, json={"name": "Other"}), 409, "SYSTEM_ROLE")
    problem_of(admin.delete(registrar), 409, "SYSTEM_ROLE")
    sent: dict[str, Any] = {"permissions": []}
    problem_of(admin.patch(f"/api/roles/{role_id(api, 'Admin')}/", json=sent), 409, "SYSTEM_ROLE")
    user = api.make.user("Registrar")
    client = api.sign_in(user)
    assert client.get("/api/students/").status_code == 200
    assert admin.patch(registrar, json=sent).status_code == 200
    problem_of(client.get("/api/students/"), 403, "PERMISSION_DENIED")


def test_the_last_admin_stays_even_when_two_leave_at_once(api: Api) -> None:
    one, two = api.make.user("Admin"), api.make.user("Admin")
    clients = {one.id: api.sign_in(one), two.id: api.sign_in(two)}
    problem_of(clients[one.id].post(f"{URL}{one.id}/deactivate/"), 409, "SELF")
    with ThreadPoolExecutor(2) as pool:
        answers = list(
            pool.map(
                lambda pair: pair[0].patch(f"{URL}{pair[1]}/", json={"roles": []}),
                [(clients[one.id], two.id), (clients[two.id], one.id)],
            )
        )
    left = select(UserRole.user_id).where(UserRole.role_id == role_id(api, "Admin"))
    api.make.session.rollback()
    assert len(list(api.make.session.scalars(left))) == 1, [a.text for a in answers]


def test_sign_ins_are_listed_and_ended_the_own_and_those_of_others(api: Api) -> None:
    user, stranger = api.make.user("Registrar"), api.make.user("Registrar")
    client, other = api.sign_in(user), api.sign_in(user)
    foreign = api.make.auth_session(stranger)
    found = client.get("/api/auth/sessions/").json()
    assert [one["current"] for one in found].count(True) == 1
    assert len(found) == 2
    (old,) = [one["id"] for one in found if not one["current"]]
    problem_of(client.delete(f"/api/auth/sessions/{foreign.id}/"), 404, "NOT_FOUND")
    assert client.delete(f"/api/auth/sessions/{old}/").status_code == 204
    problem_of(other.get("/api/students/"), 401, "AUTH_TOKEN_REVOKED")
    admin = api.as_("Admin")
    (mine,) = admin.get(f"{URL}{user.id}/sessions/").json()
    problem_of(admin.delete(f"{URL}{stranger.id}/sessions/{mine['id']}/"), 404, "NOT_FOUND")
    assert admin.delete(f"{URL}{user.id}/sessions/{mine['id']}/").status_code == 204
    problem_of(client.get("/api/students/"), 401, "AUTH_TOKEN_REVOKED")


def test_guessing_is_throttled_and_the_owner_elsewhere_still_gets_in(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.make.user("Admin", username="boss", password_hash=passwords.hash_password(NEW))
    monkeypatch.setattr(throttle, "HERE", 3)
    monkeypatch.setattr(throttle, "ACCOUNT", 6)
    home = {"X-Forwarded-For": "198.51.100.7"}
    assert login(api, "boss", NEW, **home).status_code == 200  # a network that is known now
    for _ in range(3):
        problem_of(login(api, "boss", "guess"), 401, "AUTH_INVALID_CREDENTIALS")
    answer = login(api, "BOSS", NEW)
    problem_of(answer, 429, "AUTH_ACCOUNT_LOCKED")  # right, and yet
    assert 0 < int(answer.headers["retry-after"]) <= throttle.WINDOW.total_seconds()
    for n in range(8):  # from everywhere
        login(api, "boss", "guess", **{"X-Forwarded-For": f"203.0.113.{n}"})
    stranger = login(api, "boss", NEW, **{"X-Forwarded-For": "203.0.113.200"})
    problem_of(stranger, 429, "AUTH_ACCOUNT_LOCKED")
    assert login(api, "boss", NEW, **home).status_code == 200
    nobody = [login(api, "nobody", "guess").status_code for _ in range(4)]
    assert nobody == [401, 401, 401, 429]  # who does not exist is no different


def test_guesses_at_once_are_all_counted(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.make.user("Admin", username="boss", password_hash=passwords.hash_password(NEW))
    monkeypatch.setattr(throttle, "HERE", 3)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: login(api, "boss", f"guess {n}").status_code, range(16)))
    assert sorted(answers) == [401] * 3 + [429] * 13
