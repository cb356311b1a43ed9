"""Whether somebody's copy of a document is the one that was signed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Literal

import anyio
from anyio import CapacityLimiter, fail_after, to_thread

from sims_api.verification.service import Found
from sims_common.logs import get_logger

log = get_logger(__name__)

LONGEST = 30.0  # seconds for a file that has to be parsed; its CPU time is bounded closer
CERTIFICATE = "SIMS_CHECK_CERTIFICATE"  # of sims_transcripts.checking, which is not imported here

Copy = Literal["identical", "extended", "changed", "other", "foreign", "unsigned", "unreadable"]
"""``other``: signed by the institution, but not the document of this address."""

_COPIES: dict[object, Copy] = {
    "intact": "other",
    "extended": "extended",
    "broken": "changed",
    "missing": "unsigned",
    "unreadable": "unreadable",
}
_one_at_a_time = CapacityLimiter(1)


async def compare(found: Found, pdf: bytes, certificate: str) -> Copy:
    """What the copy is. A file that is not byte for byte the signed one is parsed in a process
    of its own, with bounded time and memory: it may be made to harm."""
    if await to_thread.run_sync(found.is_file, pdf):
        return "identical"
    async with _one_at_a_time:
        finding = await _parse(pdf, certificate)
    if not finding["ours"] and finding["signature"] in ("intact", "extended"):
        return "foreign"
    return _COPIES[finding["signature"]]


async def _parse(pdf: bytes, certificate: str) -> dict[str, object]:
    command = [sys.executable, "-m", "sims_transcripts.checking"]
    environment = {"PATH": os.environ.get("PATH", ""), CERTIFICATE: certificate}
    try:
        with fail_after(LONGEST):
            done = await anyio.run_process(
                command, input=pdf, env=environment, check=True, stderr=subprocess.DEVNULL
            )
    except (subprocess.CalledProcessError, TimeoutError) as error:
        log.warning("a copy could not be parsed", error=type(error).__name__)
        return {"signature": "unreadable", "ours": False}
    answer: dict[str, object] = json.loads(done.stdout)
    return answer
