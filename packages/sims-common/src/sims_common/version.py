"""The version that health, logs and documents show."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path


@cache
def app_version() -> str:
    """``APP_VERSION``, else ``VERSION``, else the first 8 of the git SHA, else ``unknown``.

    Images bake the SHA in as ``GIT_SHA``; a checkout reads it from ``.git``.
    """
    for name in ("APP_VERSION", "VERSION"):
        if value := os.environ.get(name, "").strip():
            return value
    sha = os.environ.get("GIT_SHA", "").strip() or _checkout_sha(Path(__file__))
    return sha[:8] if sha else "unknown"


def _checkout_sha(start: Path) -> str:
    git = next((p / ".git" for p in start.parents if (p / ".git").is_dir()), None)
    if git is None:
        return ""
    head = (git / "HEAD").read_text().strip()
    if not head.startswith("ref: "):
        return head
    ref = head.removeprefix("ref: ")
    loose = git / ref
    if loose.is_file():
        return loose.read_text().strip()
    packed = git / "packed-refs"
    lines = packed.read_text().splitlines() if packed.is_file() else []
    return next((line.split()[0] for line in lines if line.endswith(f" {ref}")), "")
