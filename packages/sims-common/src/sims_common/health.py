"""The health report: one schema for API, worker and operator.

``GET /api/health/`` of the API and the side ports of the others answer with it:
200 when ``status`` is ``ok``, 503 when ``degraded``, the same body both times.
Redis never changes the status, and no exception text leaves the process.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from sims_common.version import app_version

Outcome = Literal["ok", "fail", "skipped"]


class Check(BaseModel):
    """One part's state."""

    model_config = ConfigDict(extra="forbid")

    status: Outcome
    latency_ms: float | None = Field(None, description="time to answer, milliseconds")
    pending_count: int | None = Field(None, description="migrations not yet applied")
    age_seconds: float | None = Field(None, description="time since the last sign of life")


class HealthReport(BaseModel):
    status: Literal["ok", "degraded"]
    checks: dict[str, Check]
    version: str

    @property
    def http_status(self) -> int:
        return 200 if self.status == "ok" else 503

    def body(self) -> bytes:
        """The JSON body; absent figures are left out rather than sent as null."""
        return self.model_dump_json(exclude_none=True).encode()


def report(
    checks: dict[str, Check], *, optional: frozenset[str] = frozenset({"redis"})
) -> HealthReport:
    """Degraded when any check that is not in ``optional`` fails."""
    failed = any(c.status == "fail" for name, c in checks.items() if name not in optional)
    return HealthReport(status="degraded" if failed else "ok", checks=checks, version=app_version())
