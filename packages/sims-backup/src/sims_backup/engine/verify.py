"""Verification: every stored byte is read again and hashed; no key is needed."""

from __future__ import annotations

import time
from collections.abc import Iterator

from sims_backup.contract.manifest import Manifest
from sims_backup.contract.results import Mark, VerifyResult
from sims_backup.engine.context import Context
from sims_backup.engine.reader import media_objects
from sims_backup.errors import NotProven, SetNotFound
from sims_backup.parallel import Workers
from sims_backup.repository import StoredSet
from sims_backup.streams import Checked, Watched, drain
from sims_common.clock import now
from sims_common.version import app_version

STAGE = "verify"
_READERS = 8

_Item = tuple[str, int, str]  # key, size in bytes, SHA-256


def verify_set(context: Context, stored: StoredSet, *, mark: bool = True) -> VerifyResult:
    """Reads all objects and media of the set and records the outcome beside it."""
    began = time.monotonic()
    manifest = stored.manifest
    items = [(f"{manifest.id}/{o.key}", o.size, o.sha256) for o in manifest.objects]
    with context.progress.stage(STAGE, manifest.size):
        problems = check_objects(context, items)
        media: list[_Item] = []
        try:
            context.repository.check_claim(manifest.id)
            media = list(_media(context, manifest))
        except (NotProven, SetNotFound) as error:
            problems.append(error.detail)
        problems += check_objects(context, media)
    result = VerifyResult(
        id=manifest.id,
        target=context.storage.name,
        passed=not problems,
        objects=len(items),
        media_objects=len(media),
        bytes_read=sum(size for _, size, _ in [*items, *media]),
        duration=time.monotonic() - began,
        problems=list(dict.fromkeys(problems)),
    )
    if mark:
        context.repository.add_mark(
            Mark(
                set_id=manifest.id,
                kind="verify",
                at=now(),
                passed=result.passed,
                duration=result.duration,
                problems=result.problems[:20],
                by=f"sims-backup {app_version()}",
            )
        )
    return result


def _media(context: Context, manifest: Manifest) -> Iterator[_Item]:
    if manifest.media is None:
        return
    for item in media_objects(context, manifest):
        yield item.key(manifest.media.namespace), item.stored_size, item.stored_sha256


def check_objects(context: Context, items: list[_Item]) -> list[str]:
    """What is wrong, one line for each object; a store that fails raises."""

    def check(item: _Item) -> str | None:
        key, size, sha256 = item
        context.deadline.check()
        try:
            with context.storage.open(key) as body:
                watched = Watched(body, lambda n: context.progress.advance(STAGE, n))
                name = f"{context.storage.name}/{key}"
                drain(Checked(watched, sha256=sha256, size=size, name=name))
        except (NotProven, SetNotFound) as error:
            return error.detail
        return None

    with Workers(_READERS, context.deadline, "verify") as crew:
        return [problem for problem in crew.map(check, items) if problem is not None]
