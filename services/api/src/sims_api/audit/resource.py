"""The audit trail as a list: filtered, exported, never written through the API."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import ColumnElement, func, select

from sims_api.fields import Day, Output
from sims_api.resource import Resource, router_of
from sims_core.models import AuditChain, AuditEvent

ACTIONS = ("create", "update", "delete", "read", "export", "load", "truncate")
QueryDay = Annotated[Day, Field(ge=date(1900, 1, 1), le=date(2200, 1, 1))]


class AuditEventOut(Output):
    id: int
    at: datetime
    actor_id: int | None = Field(description="None: not a user, see source")
    actor: str
    action: str
    entity: str = Field(description="the table")
    entity_id: str | None
    method: str
    route: str
    request_id: str
    ip: str
    user_agent: str
    source: str = Field(description="the process that wrote it")
    changes: dict[str, Any] = Field(description="{field: [old, new]}, or what was read")


def audit(zone: ZoneInfo) -> Resource:
    """``date_from`` and ``date_to`` are days of ``zone``, both included."""

    def start(day: date) -> datetime:
        return datetime.combine(day, time(), zone)

    def since(day: date) -> ColumnElement[bool]:
        return AuditEvent.at >= start(day)

    def until(day: date) -> ColumnElement[bool]:
        return AuditEvent.at < start(day + timedelta(days=1))

    return Resource(
        name="audit event",
        path="audit",
        tag="audit",
        model=AuditEvent,
        out=AuditEventOut,
        permission="audit.events",
        export_permission="audit.events.export",
        orderings={"at": AuditEvent.at},
        default_ordering="-at",
        filters={
            "actor": AuditEvent.actor_id,
            "entity": AuditEvent.entity,
            "entity_id": AuditEvent.entity_id,
            "action": AuditEvent.action,
            "method": AuditEvent.method,
            "request_id": AuditEvent.request_id,
        },
        choices={"action": ACTIONS, "method": ("GET", "POST", "PUT", "PATCH", "DELETE")},
        whole=select(func.coalesce(func.sum(AuditChain.position), 0)).scalar_subquery(),
        criteria={"date_from": (QueryDay, since), "date_to": (QueryDay, until)},
    )


def router(zone: ZoneInfo) -> APIRouter:
    return router_of(audit(zone))
