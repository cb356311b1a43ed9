"""The application: settings in, routes and their policies out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from starlette.types import ASGIApp, Lifespan

from sims_api import health, openapi, policy, problems
from sims_api.academics import enrollment
from sims_api.academics.resources import RESOURCES
from sims_api.assessments import routes as assessments
from sims_api.attendance import eligibility
from sims_api.attendance import importer as attendance_import
from sims_api.attendance import routes as attendance
from sims_api.audit import resource as audit
from sims_api.auth import routes as auth
from sims_api.auth.tokens import AccessTokens
from sims_api.dashboard import routes as dashboard
from sims_api.edge import Edge
from sims_api.exams import component_routes, marks_import
from sims_api.exams import routes as exams
from sims_api.exams.resources import EXAMS
from sims_api.grading import resource as grading
from sims_api.holds import resource as holds
from sims_api.institution import routes as institution
from sims_api.jobs import routes as jobs
from sims_api.legacy import routes as legacy
from sims_api.legacy.gate import LegacyGate
from sims_api.people.resources import PEOPLE
from sims_api.requests import routes as requests
from sims_api.resource import router_of
from sims_api.results import change_routes
from sims_api.results import routes as results
from sims_api.settings import ApiSettings
from sims_api.student_import import importer as student_import
from sims_api.students import documents, leave
from sims_api.students import resource as students
from sims_api.timetable import feeds
from sims_api.timetable.resources import TIMETABLE
from sims_api.transcripts import documents as transcript_documents
from sims_api.transcripts import purposes
from sims_api.transcripts import routes as transcripts
from sims_api.users.resources import ROLES, USERS
from sims_api.verification import routes as verification
from sims_common.settings import load
from sims_common.version import app_version
from sims_core import press
from sims_core.db import async_engine

DESCRIPTION = """Student information system. Sign in at `/api/auth/login/`, then send
`Authorization: Bearer <access>`. Every error is `application/problem+json` (RFC 9457) with a
stable `code`. Lists take `page`, `page_size` (50, at most 200) or follow `next`; unknown
parameters are refused. Paths end in a slash and answer without it too."""


def create_app(settings: ApiSettings | None = None) -> FastAPI:
    """The API without its edge. Raises ``PolicyMissing`` when a route has no policy."""
    settings = settings or load(ApiSettings)
    engine = async_engine(settings, service="sims-api")
    url = settings.redis_url.get_secret_value()
    redis = Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1) if url else None
    app = FastAPI(
        title="SIMS API",
        version=app_version(),
        description=DESCRIPTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan(engine, redis),
    )
    app.state.settings = settings
    app.state.engine = engine
    app.state.sessions = async_sessionmaker(engine, expire_on_commit=False)
    app.state.reading = async_sessionmaker(
        engine.execution_options(isolation_level="AUTOCOMMIT"), expire_on_commit=False
    )
    app.state.tokens = AccessTokens(settings)
    app.state.press = press.lazily(settings)
    app.state.health = health.Health(engine, redis)
    for router in (
        auth.router,
        students.router,
        student_import.router,
        marks_import.router,
        router_of(EXAMS),
        component_routes.router,
        exams.router,
        change_routes.router,
        results.results,
        results.components,
        results.exams,
        grading.router,
        holds.router,
        assessments.router,
        requests.router,
        leave.router,
        documents.router,
        *(
            router_of(resource)
            for resource in (*RESOURCES, enrollment.ENROLLMENTS, *PEOPLE, *TIMETABLE)
        ),
        enrollment.router,
        feeds.router,
        attendance_import.router,
        eligibility.router,
        router_of(eligibility.EXEMPTIONS),
        attendance.router,
        router_of(attendance.ATTENDANCE),
        institution.router,
        dashboard.router,
        router_of(USERS),
        router_of(ROLES),
        audit.router(settings.zone),
        purposes.router,
        transcript_documents.router,
        verification.router,
        verification.page_router,
        transcripts.router,
        jobs.router,
        health.router,
        openapi.router,
    ):
        app.include_router(router)
    if settings.enable_legacy_modules:
        app.include_router(legacy.router)
        if not settings.allow_legacy_writes:
            app.add_middleware(LegacyGate)
    problems.install(app)
    openapi.install(app)
    policy.enforce(app)
    return app


def with_edge(app: FastAPI) -> ASGIApp:
    """The whole: what the server serves and the tests call."""
    return Edge(app)


def _lifespan(engine: AsyncEngine, redis: Redis | None) -> Lifespan[FastAPI]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await engine.dispose()
        if redis is not None:
            await redis.aclose()

    return lifespan
