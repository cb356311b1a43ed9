"""Routes of the settings."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.auth.actor import Actor
from sims_api.body import StrictRoute
from sims_api.database import Db
from sims_api.fields import partial
from sims_api.institution import schemas as s
from sims_api.policy import allow, public
from sims_api.versions import IfMatch, IfNoneMatch, etag, not_modified, require_match
from sims_core import settings_data
from sims_core.models import InstitutionSetting

router = APIRouter(prefix="/api/settings", tags=["settings"], route_class=StrictRoute)

SettingsPatch: Any = partial(s.SettingsIn)


async def _shown(request: Request, session: AsyncSession) -> s.SettingsOut:
    stored = asdict(await settings_data.load(session))
    configured = request.app.state.settings
    name = stored.pop("institution_name") or configured.institution_name
    return s.SettingsOut(institution_name=name, time_zone=configured.time_zone, **stored)


@router.get("/public/", dependencies=[public()], response_model=s.PublicSettings)
async def public_settings(request: Request, session: Db) -> Any:
    """What a page needs before anybody has signed in."""
    return s.PublicSettings.model_validate(await _shown(request, session))


@router.get("/", response_model=s.SettingsOut)
async def read(
    request: Request,
    response: Response,
    session: Db,
    _actor: Annotated[Actor, allow("settings.settings.view")],
    if_none_match: IfNoneMatch = None,
) -> Any:
    """All settings."""
    found = await _shown(request, session)
    response.headers["ETag"] = etag(found.version)
    return not_modified(if_none_match, etag(found.version)) or found


async def change(
    request: Request,
    session: Db,
    _actor: Annotated[Actor, allow("settings.settings.update")],
    body: Any,
    if_match: IfMatch = None,
) -> Any:
    """Changes what is sent; it counts from the next request on. ``If-Match`` is required."""
    row = (await session.scalars(select(InstitutionSetting).with_for_update())).one()
    require_match(if_match, row.version, mandatory=True)
    for name, value in body.model_dump(exclude_unset=True).items():
        setattr(row, name, value)
    await session.flush()
    found = await _shown(request, session)
    return JSONResponse(found.model_dump(mode="json"), headers={"ETag": etag(found.version)})


change.__annotations__["body"] = SettingsPatch  # a type made at run time
router.patch("/", response_model=s.SettingsOut)(change)
