"""Whether a hold keeps something from a student.

The statement runs in the API's async session and in the worker's sync one alike::

    holds.refuse((await session.execute(holds.blocking(student_id, Held.TRANSCRIPTS))).all())
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Row, Select, select

from sims_common.errors import PermissionDenied
from sims_core.domain.holds import Held, HoldKind
from sims_core.models import Hold

_COLUMNS: dict[Held, ColumnElement[bool]] = {
    Held.RESULTS: Hold.blocks_results.expression,
    Held.TRANSCRIPTS: Hold.blocks_transcripts.expression,
    Held.ENROLLMENT: Hold.blocks_enrollment.expression,
}


class Blocked(PermissionDenied):
    """``extra["reasons"]`` says what has to be settled."""

    code = "FINANCE_BLOCKED"
    title = "A hold blocks this"


def blocking(student_id: int, what: Held) -> Select[str, str]:
    """(kind, reason) of each open hold that keeps ``what`` from the student."""
    return (
        select(Hold.kind, Hold.reason)
        .where(Hold.student_id == student_id, Hold.released_at.is_(None), _COLUMNS[what])
        .order_by(Hold.placed_at, Hold.id)
    )


def refuse(found: Sequence[Row[str, str]]) -> None:
    """Raises ``Blocked`` when there is any: FINANCE_BLOCKED for dues, else HOLD_BLOCKED."""
    if not found:
        return
    dues = any(kind == HoldKind.FINANCE for kind, _ in found)
    reasons = [f"{kind}: {reason}" for kind, reason in found]
    raise Blocked(
        f"Settle first: {'; '.join(reasons)}.",
        code="FINANCE_BLOCKED" if dues else "HOLD_BLOCKED",
        reasons=reasons,
    )
