"""The checks of ``sims doctor``: what SIMS depends on, each with a way to mend it."""

from __future__ import annotations

import os
import platform
import shutil
import smtplib
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError
from redis.exceptions import RedisError
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from sims_cli import consistency, web
from sims_cli.database import connected
from sims_cli.failures import explain
from sims_cli.findings import Finding, Level
from sims_cli.stack.pg_binaries import SUPPORTED
from sims_cli.state import State, find, use_local_installation
from sims_common.settings import InstitutionSettings, MailSettings, RedisSettings
from sims_common.version import app_version
from sims_core import jobs

PYTHONS = ((3, 11), (3, 14))  # from, below
LITTLE_DISK = 2 * 1024**3  # bytes
CLOCK_TOLERANCE = 2.0  # seconds
START_ONE = "Start one here with `sims up`, or set "


def findings() -> Iterator[Finding]:
    state = find()
    local = use_local_installation(state)
    yield program()
    yield from database()
    yield from redis()
    yield mail()
    yield api()
    yield disk(state)
    yield time_zone()
    if local:
        yield Finding("installation", Level.OK, f"local, in {state.root}")


def program() -> Finding:
    detail = f"SIMS {app_version()}, Python {platform.python_version()} on {platform.platform()}"
    if PYTHONS[0] <= sys.version_info[:2] < PYTHONS[1]:
        return Finding("python", Level.OK, detail)
    return Finding("python", Level.FAIL, detail, "Use Python 3.11, 3.12 or 3.13.")


def database() -> Iterator[Finding]:
    name = "postgresql"
    try:
        with connected("sims doctor") as engine:
            with engine.connect() as connection:
                yield _version(connection)
                yield _extensions(connection)
                yield _clock(connection)
            yield consistency.migrations(engine)
    except SQLAlchemyError as error:
        known = explain(error)
        detail = known.message.splitlines()[0] if known else str(error).splitlines()[0]
        yield Finding(name, Level.FAIL, detail, f"{START_ONE}SIMS_DATABASE_URL.")
    except SystemExit:
        fix = f"{START_ONE}SIMS_DATABASE_URL."
        yield Finding(name, Level.FAIL, "SIMS_DATABASE_URL is missing or wrong", fix)


def _version(connection: Connection) -> Finding:
    number = connection.execute(text("SHOW server_version")).scalar_one()
    encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    major = int(str(number).split(".")[0])
    if encoding != "UTF8":
        fix = "Make a new database with ENCODING 'UTF8' and move the data."
        return Finding("postgresql", Level.FAIL, f"{number}, encoding {encoding}", fix)
    if major in SUPPORTED:
        return Finding("postgresql", Level.OK, f"{number}, {encoding}")
    fix = f"Use PostgreSQL {SUPPORTED[0]} to {SUPPORTED[-1]}; 17 is best tested."
    return Finding("postgresql", Level.WARN, f"{number} is not tested with SIMS", fix)


def _extensions(connection: Connection) -> Finding:
    found = connection.execute(
        text("SELECT installed_version FROM pg_available_extensions WHERE name = 'pg_trgm'")
    ).all()
    if not found:
        fix = "Install PostgreSQL's contrib package (postgresql-contrib)."
        return Finding("extensions", Level.FAIL, "pg_trgm is not available", fix)
    version = found[0].installed_version
    return Finding("extensions", Level.OK, f"pg_trgm {version or 'available'}")


def _clock(connection: Connection) -> Finding:
    before = time.time()
    theirs = connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one()
    ours = (before + time.time()) / 2
    off = abs(float(theirs) - ours)
    if off <= CLOCK_TOLERANCE:
        return Finding("clock", Level.OK, f"{off:.2f} s from the database's")
    fix = "Synchronise both machines (chrony, systemd-timesyncd)."
    return Finding("clock", Level.WARN, f"{off:.1f} s from the database's", fix)


def redis() -> Iterator[Finding]:
    fix = f"{START_ONE}SIMS_REDIS_URL. Nothing is lost meanwhile; jobs wait in PostgreSQL."
    try:
        url = RedisSettings().redis_url.get_secret_value()
    except ValidationError:
        yield Finding("redis", Level.FAIL, "SIMS_REDIS_URL is missing or wrong", fix)
        return
    with jobs.connect(url) as connection:
        try:
            info = connection.info("server")
            policy = connection.config_get("maxmemory-policy").get("maxmemory-policy", "unknown")
        except RedisError as error:
            yield Finding("redis", Level.FAIL, str(error), fix)
            return
    product = "Valkey" if "valkey_version" in info else "Redis"
    version = info.get("valkey_version") or info.get("redis_version")
    if policy == "noeviction":
        yield Finding("redis", Level.OK, f"{product} {version}, {policy}")
    else:
        yield Finding(
            "redis",
            Level.WARN,
            f"{product} {version}, maxmemory-policy {policy}: it may drop jobs when it is full",
            "Set `maxmemory-policy noeviction`.",
        )


def mail() -> Finding:
    settings = MailSettings()
    where = f"{settings.smtp_host}:{settings.smtp_port} ({settings.smtp_security})"
    try:
        _greet(settings)
    except (OSError, smtplib.SMTPException) as error:
        fix = "Correct SIMS_SMTP_HOST, SIMS_SMTP_PORT, SIMS_SMTP_SECURITY; `sims up` has a catcher."
        return Finding("smtp", Level.FAIL, f"{where}: {error}", fix)
    return Finding("smtp", Level.OK, where)


def _greet(settings: MailSettings) -> None:
    """As the worker would begin: connect, encrypt if asked, EHLO. Nothing is sent."""
    kind = smtplib.SMTP_SSL if settings.smtp_security == "tls" else smtplib.SMTP
    with kind(settings.smtp_host, settings.smtp_port, timeout=min(settings.smtp_timeout, 10)) as c:
        c.ehlo()
        if settings.smtp_security == "starttls":
            c.starttls()
            c.ehlo()


def api() -> Finding:
    url = f"http://127.0.0.1:{os.environ.get('SIMS_API_PORT', '8000')}/api/health/"
    answer = web.get(url, timeout=10)
    if answer.status == web.OK:
        return Finding("api", Level.OK, url)
    detail = f"{url}: {answer.error or f'status {answer.status}'}"
    fix = "Start it with `sims up`; `sims health --url` asks another one."
    return Finding("api", Level.FAIL if answer.status else Level.WARN, detail, fix)


def disk(state: State) -> Finding:
    place = next(p for p in (state.root, *state.root.parents) if p.exists())
    free = shutil.disk_usage(place).free
    detail = f"{free / 1024**3:.1f} GiB free under {place}"
    if free >= LITTLE_DISK:
        return Finding("disk", Level.OK, detail)
    return Finding("disk", Level.WARN, detail, "Free some space, or move SIMS_HOME.")


def time_zone() -> Finding:
    try:
        zone = InstitutionSettings().zone
    except ValidationError:
        fix = "Set SIMS_TIME_ZONE to an IANA name such as Asia/Karachi."
        return Finding("time zone", Level.FAIL, "SIMS_TIME_ZONE is not a time zone", fix)
    now = datetime.now(zone)
    detail = f"{zone.key}: it is {now:%Y-%m-%d %H:%M} there"
    system = Path("/etc/localtime")
    if zone.key == "UTC" and system.exists() and datetime.now().astimezone().utcoffset():
        fix = "Set SIMS_TIME_ZONE, so that 'today' is the institution's."
        return Finding("time zone", Level.WARN, f"{detail}; this machine uses another one", fix)
    return Finding("time zone", Level.OK, detail)
