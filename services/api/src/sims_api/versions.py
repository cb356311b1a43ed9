"""Optimistic concurrency: ``ETag`` on what is read, ``If-Match`` on what is written."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Response

from sims_common.errors import PreconditionFailed, PreconditionRequired

IfMatch = Annotated[
    str | None, Header(max_length=200, description="the ETag that was read; a stale one is a 412")
]
IfNoneMatch = Annotated[
    str | None, Header(max_length=2000, description="answered with 304 when still current")
]


def etag(version: int) -> str:
    return f'"{version}"'


def require_match(if_match: str | None, version: int, *, mandatory: bool = False) -> None:
    """Raises ``PreconditionFailed`` for a stale ``If-Match``.

    With ``mandatory`` (where a lost update would hurt) its absence is
    ``PreconditionRequired``.
    """
    if if_match is None:
        if mandatory:
            raise PreconditionRequired("Send If-Match with the ETag that you read.")
        return
    if if_match.strip() != "*" and etag(version) not in _tags(if_match):
        raise PreconditionFailed(
            "It has been changed since you read it; load it again.",
            headers={"ETag": etag(version)},
        )


def not_modified(if_none_match: str | None, version: int) -> Response | None:
    """A 304 when the caller's copy is current."""
    if if_none_match and (if_none_match.strip() == "*" or etag(version) in _tags(if_none_match)):
        return Response(status_code=304, headers={"ETag": etag(version)})
    return None


def _tags(header: str) -> list[str]:
    return [tag.strip().removeprefix("W/") for tag in header.split(",")]
