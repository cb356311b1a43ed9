"""What the fixtures of the root conftest.py promise to every package."""

from __future__ import annotations

from redis import Redis
from sqlalchemy import text
from sqlalchemy.orm import Session

from sims_cli.stack.postgres import PostgresServer


def test_database_is_a_migrated_clone(session: Session) -> None:
    assert session.execute(text("SELECT count(*) FROM role")).scalar_one() == 8
    user, superuser = session.execute(
        text("SELECT current_user, rolsuper FROM pg_roles WHERE rolname = current_user")
    ).one()
    assert (user, superuser) == ("sims", False)


def test_order_and_case_do_not_depend_on_the_c_library(postgres_server: PostgresServer) -> None:
    with postgres_server.connect() as connection:
        row = connection.execute(
            "SELECT datlocprovider, datlocale, lower('ÄÉŞ')"
            " FROM pg_database WHERE datname = 'postgres'"
        ).fetchone()
    assert row == ("b", "C.UTF-8", "äéş")


def test_redis_starts_empty(redis_url: str) -> None:
    with Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
        client.set("left", "behind")


def test_redis_starts_empty_again(redis_url: str) -> None:
    with Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
