"""The life of an enrolment: waiting, enrolled, and the two ways out of a section."""

from __future__ import annotations

from enum import StrEnum


class EnrollmentStatus(StrEnum):
    ENROLLED = "enrolled"
    WAITLISTED = "waitlisted"
    DROPPED = "dropped"
    WITHDRAWN = "withdrawn"


PRESENT_IN_SECTION = (EnrollmentStatus.ENROLLED,)
"""Who takes a seat, is on the roster and gets marks."""

_NEXT: dict[EnrollmentStatus | None, frozenset[EnrollmentStatus]] = {
    None: frozenset({EnrollmentStatus.ENROLLED, EnrollmentStatus.WAITLISTED}),
    EnrollmentStatus.WAITLISTED: frozenset({EnrollmentStatus.ENROLLED, EnrollmentStatus.DROPPED}),
    EnrollmentStatus.ENROLLED: frozenset({EnrollmentStatus.DROPPED, EnrollmentStatus.WITHDRAWN}),
    EnrollmentStatus.DROPPED: frozenset({EnrollmentStatus.ENROLLED, EnrollmentStatus.WAITLISTED}),
    EnrollmentStatus.WITHDRAWN: frozenset(),
}


def may_become(old: EnrollmentStatus | None, new: EnrollmentStatus) -> bool:
    """Whether an enrolment in ``old`` (None: there is none yet) may go to ``new``.

    Who dropped a section may come back; who withdrew from it is on record as such.
    """
    return new in _NEXT[old]
