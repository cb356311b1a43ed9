"""What the database's own rules mean to the caller, where the constraint's columns say too little.

Constraints and triggers hold whoever writes; here each gets its code and its words.
"""

from __future__ import annotations

from collections.abc import Callable

from sims_common.errors import Conflict, FieldError, SimsError, ValidationFailed


def term_closed(period: str) -> Conflict:
    """``period`` is the name of the academic period."""
    return Conflict(
        f"{period} is closed: nothing of it can be changed. Open it first.", code="TERM_CLOSED"
    )


def _cycle(field: str, text: str) -> Callable[[str], SimsError]:
    return lambda _detail: ValidationFailed(text, errors=[FieldError(f"/{field}", "CYCLE", text)])


def _missing(field: str, what: str) -> Callable[[str], SimsError]:
    text = f"{field} name a {what} that does not exist."
    return lambda _detail: ValidationFailed(
        text, errors=[FieldError(f"/{field}", "DOES_NOT_EXIST", text)]
    )


def _conflict(code: str, text: str) -> Callable[[str], SimsError]:
    return lambda _detail: Conflict(text, code=code)


MEANING: dict[str, Callable[[str], SimsError]] = {
    "term_closed": term_closed,
    "tree_department": _cycle("parent", "A department cannot be under itself."),
    "tree_academic_period": _cycle("parent_period", "A period cannot be a part of itself."),
    "tree_course": _cycle("prerequisites", "A course cannot be needed before itself."),
    "ck_course_prerequisite_itself": _cycle(
        "prerequisites", "A course cannot be needed before itself."
    ),
    "fk_course_prerequisite_prerequisite_id_course": _missing("prerequisites", "course"),
    "fk_section_teacher_user_id_user_account": _missing("teachers", "user"),
    "ck_section_seats": _conflict("SECTION_FULL", "There are not that many seats in the section."),
    "uq_enrollment_section_id_student_id": _conflict(
        "DUPLICATE_ENROLLMENT", "The student is in this section already."
    ),
    "ex_booking_clash": _conflict(
        "TIMETABLE_CLASH", "A room, teacher or group would be in two sessions at a time."
    ),
    "ex_block_track_days": _conflict(
        "BLOCK_OVERLAP", "Another block of this track has some of these days; change the dates."
    ),
}
"""constraint → the problem, given the database's detail"""
