"""Optimistic concurrency: ``ETag`` on what is read, ``If-Match`` on what is written.

A tag is the row's version, and where other rows show through (a program's name) also a
digest of what was shown. ``If-None-Match`` compares all of it: a renamed program is news.
``If-Match`` compares the version alone: it is no reason to refuse a change of the row.
"""

from __future__ import annotations

import hashlib
import re
from typing import Annotated

from fastapi import Header, Response
from pydantic import BaseModel, StringConstraints

from sims_common.errors import PreconditionFailed, PreconditionRequired

Tags = Annotated[str, StringConstraints(max_length=2000)]
IfMatch = Annotated[
    Tags | None,
    Header(alias="If-Match", description="the ETag that was read; a stale one is a 412"),
]
IfNoneMatch = Annotated[
    Tags | None,
    Header(alias="If-None-Match", description="answered with 304 when still current"),
]

_VERSION = re.compile(r'"([0-9]+)(?:-[0-9a-f]+)?"')


def etag(version: int, shown: BaseModel | None = None) -> str:
    if shown is None:
        return f'"{version}"'
    digest = hashlib.blake2s(shown.model_dump_json().encode(), digest_size=8)
    return f'"{version}-{digest.hexdigest()}"'


def require_match(if_match: str | None, version: int, *, mandatory: bool = False) -> None:
    """Raises ``PreconditionFailed`` for a stale ``If-Match``.

    With ``mandatory`` (where a lost update would hurt) its absence is
    ``PreconditionRequired``.
    """
    if if_match is None:
        if mandatory:
            raise PreconditionRequired("Send If-Match with the ETag that you read.")
        return
    if if_match.strip() != "*" and str(version) not in _VERSION.findall(if_match):
        raise PreconditionFailed(
            "It has been changed since you read it; load it again.",
            headers={"ETag": etag(version)},
        )


def matches(tag: str, version: int) -> bool:
    """Whether ``tag`` names exactly this version: no list, no ``*`` that overwrites blindly."""
    found = _VERSION.fullmatch(tag.strip())
    return found is not None and found[1] == str(version)


def not_modified(if_none_match: str | None, current: str) -> Response | None:
    """A 304 when the caller's copy is the one tagged ``current``."""
    if if_none_match and (if_none_match.strip() == "*" or current in _tags(if_none_match)):
        return Response(status_code=304, headers={"ETag": current})
    return None


def _tags(header: str) -> list[str]:
    return [tag.strip().removeprefix("W/") for tag in header.split(",")]
