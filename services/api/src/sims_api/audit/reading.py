"""Reads of other people's records: one event a request, with what was read."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from pydantic import BaseModel
from pydantic_core import to_jsonable_python
from sqlalchemy import JSON, bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.audit.context import context_of
from sims_api.auth.actor import Actor

_INSERT = text(
    "INSERT INTO audit_event (actor_id, actor, action, entity, entity_id, method, route,"
    " request_id, ip, user_agent, source, changes)"
    " SELECT :actor_id, :actor, :action, :entity, :entity_id, :method, :route, :request_id, :ip,"
    " :user_agent, current_setting('application_name'), CAST(:changes AS jsonb)"
    # A crash may lose half a second of reads; no reader waits for a disk.
    " FROM (SELECT set_config('synchronous_commit', 'off', true)) AS quick"
).bindparams(bindparam("changes", type_=JSON))


async def record(
    session: AsyncSession,
    request: Request,
    actor: Actor,
    entity: str,
    *,
    action: str = "read",
    entity_id: object = None,
    **what: Any,
) -> None:
    """Adds the event. ``what`` is told as JSON: ids, number of rows, the query."""
    context = context_of(request, actor.user_id)
    await session.execute(
        _INSERT,
        {
            **context,
            "actor": actor.username,
            "action": action,
            "entity": entity,
            "entity_id": None if entity_id is None else str(entity_id),
            "changes": to_jsonable_python(what),
        },
    )


def asked(query: BaseModel) -> dict[str, Any]:
    """The parameters that the caller sent."""
    return query.model_dump(mode="json", exclude_unset=True)
