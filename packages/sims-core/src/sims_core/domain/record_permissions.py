"""Permissions of people, enrolment, timetable and attendance: see ``permissions``."""

from __future__ import annotations

from sims_core.domain.roles import (
    ADMIN,
    COORDINATOR,
    EXAM_CELL,
    FACULTY,
    FINANCE,
    OFFICE_ASSISTANT,
    REGISTRAR,
    STUDENT,
)

_MANAGERS = (ADMIN, REGISTRAR, COORDINATOR)

RECORD_PERMISSIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "people.persons.view": ("See all persons", (*_MANAGERS, OFFICE_ASSISTANT)),
    "people.persons.view_own": ("See the own persons", (STUDENT,)),
    "people.persons.create": ("Add persons", _MANAGERS),
    "people.persons.update": ("Change persons", _MANAGERS),
    "people.persons.delete": ("Delete persons", _MANAGERS),
    "people.contact_info.view": ("See all contact details", (*_MANAGERS, OFFICE_ASSISTANT)),
    "people.contact_info.view_own": ("See the own contact details", (STUDENT,)),
    "people.contact_info.create": ("Add contact details", _MANAGERS),
    "people.contact_info.update": ("Change contact details", _MANAGERS),
    "people.contact_info.delete": ("Delete contact details", _MANAGERS),
    "people.addresses.view": ("See all addresses", (*_MANAGERS, OFFICE_ASSISTANT)),
    "people.addresses.view_own": ("See the own addresses", (STUDENT,)),
    "people.addresses.create": ("Add addresses", _MANAGERS),
    "people.addresses.update": ("Change addresses", _MANAGERS),
    "people.addresses.delete": ("Delete addresses", _MANAGERS),
    "people.identity_documents.view": (
        "See all identity documents",
        (*_MANAGERS, OFFICE_ASSISTANT),
    ),
    "people.identity_documents.view_own": ("See the own identity documents", (STUDENT,)),
    "people.identity_documents.create": ("Add identity documents", _MANAGERS),
    "people.identity_documents.update": ("Change identity documents", _MANAGERS),
    "people.identity_documents.delete": ("Delete identity documents", _MANAGERS),
    "people.persons.export": ("Export what is known about people", (ADMIN, REGISTRAR)),
    "students.students.manage_placement": ("Place students in program, batch and group", _MANAGERS),
    "students.students.manage_status": ("Change a student's status, with a reason", _MANAGERS),
    "students.students.view_history": ("See the status history of students", _MANAGERS),
    "students.leave_periods.view": ("See every leave period", _MANAGERS),
    "students.leave_periods.view_own": ("See the own leave periods", (STUDENT,)),
    "students.leave_periods.create": ("Record leave for any student", _MANAGERS),
    "students.leave_periods.create_own": ("Ask for leave", (STUDENT,)),
    "students.leave_periods.decide": ("Approve and reject leave", _MANAGERS),
    "students.documents.view": ("See the documents of every student", _MANAGERS),
    "students.documents.view_own": ("See the own documents", (STUDENT,)),
    "students.documents.create": ("Upload documents of students", _MANAGERS),
    "students.documents.delete": ("Delete documents of students", _MANAGERS),
    "academics.enrollments.view": (
        "See every enrolment",
        (*_MANAGERS, EXAM_CELL, OFFICE_ASSISTANT, FINANCE),
    ),
    "academics.enrollments.view_own": (
        "See the enrolments in the own sections, or the own ones",
        (
            FACULTY,
            STUDENT,
        ),
    ),
    "academics.enrollments.create": ("Enrol students", _MANAGERS),
    "academics.enrollments.update": ("Drop and withdraw students", _MANAGERS),
    "timetable.rooms.view": (
        "See rooms",
        (*_MANAGERS, FACULTY, EXAM_CELL, FINANCE, OFFICE_ASSISTANT, STUDENT),
    ),
    "timetable.rooms.create": ("Create rooms", _MANAGERS),
    "timetable.rooms.update": ("Update rooms", _MANAGERS),
    "timetable.rooms.delete": ("Delete rooms", _MANAGERS),
    "timetable.sessions.view": (
        "See the whole timetable",
        (*_MANAGERS, EXAM_CELL, OFFICE_ASSISTANT),
    ),
    "timetable.sessions.view_own": (
        "See the sessions taught or taken",
        (
            FACULTY,
            STUDENT,
        ),
    ),
    "timetable.sessions.create": ("Create sessions", _MANAGERS),
    "timetable.sessions.update": ("Move and cancel sessions", _MANAGERS),
    "timetable.sessions.delete": ("Delete sessions", _MANAGERS),
    "attendance.attendances.view": ("See all attendance", (*_MANAGERS, EXAM_CELL)),
    "attendance.attendances.view_own": (
        "See attendance in the own sections, or the own",
        (
            FACULTY,
            STUDENT,
        ),
    ),
    "attendance.attendances.mark": ("Enter attendance of any section today", _MANAGERS),
    "attendance.attendances.mark_own": ("Enter attendance of the own sections today", (FACULTY,)),
    "attendance.attendances.correct": (
        "Correct attendance of any past day, with a reason",
        _MANAGERS,
    ),
    "attendance.attendances.correct_own": (
        "Correct attendance of the own sections before it is locked",
        (FACULTY,),
    ),
    "attendance.attendances.import": (
        "Import attendance of one session from CSV",
        (*_MANAGERS, FACULTY),
    ),
    "attendance.eligibility.view": (
        "See the eligibility of every student",
        (*_MANAGERS, EXAM_CELL),
    ),
    "attendance.eligibility.view_own": (
        "See eligibility in the own sections, or the own",
        (
            FACULTY,
            STUDENT,
        ),
    ),
    "attendance.exemptions.view": (
        "See exemptions from the attendance threshold",
        (*_MANAGERS, EXAM_CELL),
    ),
    "attendance.exemptions.create": (
        "Exempt from the attendance threshold",
        (
            ADMIN,
            REGISTRAR,
        ),
    ),
    "attendance.exemptions.delete": (
        "Withdraw exemptions",
        (
            ADMIN,
            REGISTRAR,
        ),
    ),
}
