"""Sealed JSON: a file that carries its own SHA-256 (docs/backup-format.md, Seal)."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from sims_backup.errors import ObjectDamaged

_BLANK = "0" * 64
_HEAD = re.compile(rb'\A\{\n "sha256": "([0-9a-f]{64})",\n')

M = TypeVar("M", bound=BaseModel)


def seal(record: BaseModel) -> bytes:
    body = {"sha256": _BLANK, **record.model_dump(mode="json")}
    text = (json.dumps(body, indent=1, ensure_ascii=False) + "\n").encode()
    digest = hashlib.sha256(text).hexdigest()
    return text.replace(_BLANK.encode(), digest.encode(), 1)


def unseal(kind: type[M], data: bytes, *, name: str) -> M:
    """The record in ``data``; ``ObjectDamaged`` when a byte differs from what was sealed."""
    head = _HEAD.match(data)
    if head is None:
        raise ObjectDamaged(f"{name}: not a sealed file; its first bytes were changed or cut")
    blank = data.replace(head.group(1), _BLANK.encode(), 1)
    if hashlib.sha256(blank).hexdigest().encode() != head.group(1):
        raise ObjectDamaged(f"{name}: the seal is broken, a byte was changed or cut")
    body = json.loads(data)
    del body["sha256"]
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ObjectDamaged(
            f"{name}: written by another version of the engine ({where}: {first['msg']}); "
            "use the version named in the manifest"
        ) from None
