"""Sign-in routes."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Request

from sims_api.audit.context import context_of, tell
from sims_api.auth import passwords, service, throttle
from sims_api.auth.actor import Actor
from sims_api.auth.schemas import (
    ChangePassword,
    EmailLogin,
    LoggedIn,
    Login,
    Logout,
    Refresh,
    SetPassword,
    Success,
    Tokens,
    UserOut,
    user_out,
)
from sims_api.body import StrictRoute
from sims_api.database import Db, OpenSessions
from sims_api.policy import authenticated, public
from sims_api.users.sessions import SessionOut, end_session, list_sessions

router = APIRouter(prefix="/api/auth", tags=["auth"], route_class=StrictRoute)


async def _sign_in(
    request: Request, sessions: OpenSessions, identifier: str, password: str
) -> service.SignIn:
    return await service.login(
        sessions,
        request.app.state.tokens,
        identifier=identifier,
        password=password,
        lifetime=request.app.state.settings.refresh_token_lifetime,
        context=context_of(request),
    )


async def _next(request: Request, sessions: OpenSessions, token: str) -> Tokens:
    return await service.refresh(
        sessions,
        request.app.state.tokens,
        token=token,
        lifetime=request.app.state.settings.refresh_token_lifetime,
        context=context_of(request),
    )


@router.post("/login/", dependencies=[public()])
async def login(request: Request, sessions: OpenSessions, body: Login) -> LoggedIn:
    """Signs in with a user name or an e-mail address, in any case."""
    found = await _sign_in(request, sessions, body.identifier, body.password)
    return LoggedIn(user=user_out(found.actor), tokens=found.tokens)


@router.post("/refresh/", dependencies=[public()])
async def refresh(request: Request, sessions: OpenSessions, body: Refresh) -> Tokens:
    """Exchanges a refresh token for the next pair; a copied one ends the whole sign-in."""
    return await _next(request, sessions, body.refresh)


@router.post("/logout/")
async def logout(
    session: Db,
    actor: Annotated[Actor, authenticated(even_to_change=True)],
    body: Logout | None = None,  # noqa: ARG001 (old clients send one)
) -> Success:
    """Ends this sign-in at once: access and refresh tokens stop working."""
    await service.logout(session, actor)
    return Success()


@router.get("/me/")
async def me(actor: Annotated[Actor, authenticated(even_to_change=True)]) -> UserOut:
    """Who is signed in."""
    return user_out(actor)


@router.post("/change-password/")
async def change_password(
    session: Db,
    actor: Annotated[Actor, authenticated(even_to_change=True)],
    body: ChangePassword,
) -> Success:
    """Sets another password and ends all other sign-ins."""
    await passwords.change(session, actor, body.current_password, body.new_password)
    return Success()


@router.post("/set-password/", dependencies=[public()])
async def set_password(request: Request, sessions: OpenSessions, body: SetPassword) -> Success:
    """Sets a password with the one-time code from an administrator."""
    context = context_of(request)
    await throttle.count(sessions, throttle.Attempt(body.username, context["ip"], None))
    async with sessions.begin() as session:
        await tell(session, context)
        await passwords.set_by_code(session, body.username, body.code, body.new_password)
    return Success()


@router.get("/sessions/")
async def own_sessions(session: Db, actor: Annotated[Actor, authenticated()]) -> list[SessionOut]:
    """The own sign-ins that are still good."""
    return await list_sessions(session, actor.user_id, actor)


@router.delete("/sessions/{id}/", status_code=204)
async def end_own_session(
    session: Db,
    actor: Annotated[Actor, authenticated()],
    id: uuid.UUID,  # noqa: A002 (the parameter's public name)
) -> None:
    """Ends one of the own sign-ins at once."""
    await end_session(session, actor.user_id, id, "ended by its user")


@router.post("/token/", deprecated=True, dependencies=[public()])
async def token(request: Request, sessions: OpenSessions, body: EmailLogin) -> Tokens:
    """Old form of login; use /api/auth/login/."""
    return (await _sign_in(request, sessions, body.email, body.password)).tokens


@router.post("/token/refresh/", deprecated=True, dependencies=[public()])
async def token_refresh(request: Request, sessions: OpenSessions, body: Refresh) -> Tokens:
    """Old form of refresh; use /api/auth/refresh/."""
    return await _next(request, sessions, body.refresh)
