"""The public routes: a page for people, JSON for programs, a copy to be compared by both.

The token is a secret in an address. It is in no log and no metric (they have the route's
template), it is kept from other sites (``Referrer-Policy``) and from caches (``no-store``).
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, UploadFile
from fastapi.responses import HTMLResponse

from sims_api.body import StrictRoute
from sims_api.database import OpenSessions, Sessions
from sims_api.policy import public
from sims_api.rate_limit import RateLimit
from sims_api.settings import ApiSettings
from sims_api.verification.copies import compare
from sims_api.verification.page import HEADERS, page
from sims_api.verification.schemas import Verification, answer
from sims_api.verification.service import look_up
from sims_common.errors import Unavailable


class UploadRoute(StrictRoute):
    """A copy of a document is small; whoever sends it is nobody we know."""

    form_limit = "verify_max_body"


router = APIRouter(prefix="/api/transcripts/verify", tags=["transcripts"], route_class=UploadRoute)
page_router = APIRouter(prefix="/verify", route_class=UploadRoute, include_in_schema=False)

Token = Annotated[str, Path(max_length=200, description="from the address in the QR code")]


async def _looking(request: Request, sessions: OpenSessions) -> Sessions:
    limit: int = request.app.state.settings.verify_per_minute
    await RateLimit("verify", limit).admit(request, sessions)
    return sessions


async def _uploading(request: Request, sessions: OpenSessions) -> Sessions:
    limit: int = request.app.state.settings.verify_uploads_per_minute
    await RateLimit("verify_upload", limit).admit(request, sessions)
    return sessions


Looking = Annotated[Sessions, Depends(_looking)]
Uploading = Annotated[Sessions, Depends(_uploading)]


@router.get("/{token}/", dependencies=[public()])
async def verify(sessions: Looking, token: Token) -> Verification:
    """Whether the document with this token is valid. Anybody may ask."""
    return await _verified(sessions, token)


@router.post("/{token}/", dependencies=[public()])
async def verify_copy(
    request: Request, sessions: Uploading, token: Token, file: UploadFile
) -> Verification:
    """Whether a PDF is the document with this token, byte for byte."""
    return await _compared(request, sessions, token, file)


@page_router.get("/{token}/", dependencies=[public()])
async def verification_page(request: Request, sessions: Looking, token: Token) -> HTMLResponse:
    return _page(request, await _verified(sessions, token))


@page_router.post("/{token}/", dependencies=[public()])
async def comparison_page(
    request: Request, sessions: Uploading, token: Token, file: UploadFile
) -> HTMLResponse:
    return _page(request, await _compared(request, sessions, token, file))


def _page(request: Request, found: Verification) -> HTMLResponse:
    settings: ApiSettings = request.app.state.settings
    status = 200 if found.document is not None else 404
    return HTMLResponse(page(found, settings.zone), status, HEADERS)


async def _verified(sessions: Sessions, token: str) -> Verification:
    async with sessions() as session:
        return answer(await look_up(session, token))


async def _compared(
    request: Request, sessions: Sessions, token: str, file: UploadFile
) -> Verification:
    async with sessions() as session:
        found = await look_up(session, token)
    if found is None:
        return answer(None)
    certificate = request.app.state.settings.signing_certificate
    if not certificate:
        raise Unavailable("Copies cannot be compared here yet.", code="SIGNING_NOT_CONFIGURED")
    return answer(found, await compare(found, await file.read(), certificate))
