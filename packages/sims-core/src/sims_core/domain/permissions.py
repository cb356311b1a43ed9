"""The permissions that exist and the roles they go to at first (data from then on).

``<module>.<resource>.<action>``; an action that ends in ``_own`` reaches only rows that
belong to the actor. Source of the names: the canonical modules' task list.
"""

from __future__ import annotations

from sims_core.domain.record_permissions import RECORD_PERMISSIONS
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

__all__ = [
    "ADMIN",
    "COORDINATOR",
    "EXAM_CELL",
    "FACULTY",
    "FINANCE",
    "OFFICE_ASSISTANT",
    "PERMISSIONS",
    "REGISTRAR",
    "ROLES",
    "STUDENT",
]

ROLES: dict[str, str] = {
    ADMIN: "Runs the installation; may do everything",
    REGISTRAR: "Keeps the register: students, programs, transcripts",
    COORDINATOR: "Runs programs and imports students",
    FACULTY: "Teaches",
    EXAM_CELL: "Keeps exams and results",
    FINANCE: "Keeps fees and dues",
    OFFICE_ASSISTANT: "Prepares records",
    STUDENT: "Sees the own record",
}

_ACADEMICS = {
    "programs": "programs",
    "batches": "batches",
    "groups": "groups",
    "departments": "departments",
    "terms": "academic periods",
    "courses": "courses",
    "periods": "periods",
    "tracks": "tracks",
    "blocks": "blocks",
    "modules": "modules",
}
_MANAGERS = (ADMIN, REGISTRAR, COORDINATOR)
_STAFF = (ADMIN, REGISTRAR, COORDINATOR, FACULTY, EXAM_CELL, FINANCE, OFFICE_ASSISTANT)


def _academics() -> dict[str, tuple[str, tuple[str, ...]]]:
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    for key, plural in _ACADEMICS.items():
        found[f"academics.{key}.view"] = (f"See {plural}", (*_STAFF, STUDENT))
        for action in ("create", "update", "delete"):
            found[f"academics.{key}.{action}"] = (
                f"{action.capitalize()} {plural}",
                (ADMIN, REGISTRAR, COORDINATOR),
            )
    return found


_EXAMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "finance.holds.view": (
        "See every hold",
        (ADMIN, REGISTRAR, COORDINATOR, EXAM_CELL, FINANCE, OFFICE_ASSISTANT),
    ),
    "finance.holds.view_own": ("See the own holds", (STUDENT,)),
    "finance.holds.create": ("Place holds", (ADMIN, REGISTRAR, FINANCE)),
    "finance.holds.release": ("Release holds", (ADMIN, REGISTRAR, FINANCE)),
    "exams.exams.view": (
        "See exams",
        (ADMIN, REGISTRAR, COORDINATOR, FACULTY, EXAM_CELL, FINANCE, OFFICE_ASSISTANT),
    ),
    "exams.exams.create": ("Create exams", (ADMIN, EXAM_CELL)),
    "exams.exams.update": ("Change exams and their components", (ADMIN, EXAM_CELL)),
    "exams.exams.delete": ("Delete exams", (ADMIN, EXAM_CELL)),
    "results.marks.view": (
        "See the marks grid of every section",
        (ADMIN, REGISTRAR, COORDINATOR, EXAM_CELL),
    ),
    "results.marks.view_own": ("See the marks grid of the own sections", (FACULTY,)),
    "results.marks.enter": ("Enter marks of every section", (ADMIN, EXAM_CELL)),
    "results.marks.enter_own": ("Enter marks of the own sections", (FACULTY,)),
    "results.result_headers.create": ("Register candidates of an exam", (ADMIN, EXAM_CELL)),
    "results.result_headers.verify": ("Verify results, or return them", (ADMIN, EXAM_CELL)),
    "results.result_headers.publish": ("Publish results", (ADMIN, REGISTRAR, EXAM_CELL)),
    "results.result_headers.freeze": ("Freeze results", (ADMIN, EXAM_CELL)),
    "results.result_headers.withhold": (
        "Hold back a student's result",
        (ADMIN, REGISTRAR, EXAM_CELL),
    ),
    "results.changes.view": (
        "See every change request",
        (ADMIN, REGISTRAR, COORDINATOR, EXAM_CELL),
    ),
    "results.changes.view_own": ("See the own change requests", (FACULTY,)),
    "results.changes.create": (
        "Ask for the change of any released result",
        (ADMIN, REGISTRAR, EXAM_CELL),
    ),
    "results.changes.create_own": ("Ask for changes in the own sections", (FACULTY,)),
    "results.changes.approve": (
        "Decide about changes that others asked for",
        (ADMIN, REGISTRAR, EXAM_CELL),
    ),
    "results.grading_schemes.view": (
        "See grading schemes",
        (ADMIN, REGISTRAR, COORDINATOR, FACULTY, EXAM_CELL, FINANCE, OFFICE_ASSISTANT, STUDENT),
    ),
    "results.grading_schemes.create": ("Create grading schemes", (ADMIN, EXAM_CELL)),
    "results.grading_schemes.update": ("Change grading schemes", (ADMIN, EXAM_CELL)),
    "results.grading_schemes.delete": ("Delete grading schemes", (ADMIN, EXAM_CELL)),
    "assessments.assessments.view": (
        "See coursework and scores of every section",
        (ADMIN, REGISTRAR, COORDINATOR, EXAM_CELL),
    ),
    "assessments.assessments.view_own": (
        "See coursework and scores of the own sections",
        (FACULTY, STUDENT),
    ),
    "assessments.assessments.manage": (
        "Keep coursework and scores of every section",
        (ADMIN, COORDINATOR),
    ),
    "assessments.assessments.manage_own": (
        "Keep coursework and scores of the own sections",
        (FACULTY,),
    ),
    "requests.requests.view": (
        "See every request",
        (ADMIN, REGISTRAR, EXAM_CELL, OFFICE_ASSISTANT),
    ),
    "requests.requests.view_own": ("See the own requests", (STUDENT,)),
    "requests.requests.create": (
        "Make requests for any student",
        (ADMIN, REGISTRAR, OFFICE_ASSISTANT),
    ),
    "requests.requests.create_own": ("Make requests", (STUDENT,)),
    "requests.requests.process": (
        "Assign and decide requests, make internal remarks",
        (ADMIN, REGISTRAR, EXAM_CELL),
    ),
}

PERMISSIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    **_academics(),
    **RECORD_PERMISSIONS,
    "academics.programs.manage": ("Finalize programs, generate their periods", _MANAGERS),
    "academics.terms.manage": ("Open and close academic periods", _MANAGERS),
    "academics.sections.view": (
        "See every section",
        (*_MANAGERS, EXAM_CELL, FINANCE, OFFICE_ASSISTANT),
    ),
    "academics.sections.view_own": ("See the sections taught or taken", (FACULTY, STUDENT)),
    "academics.sections.create": ("Create sections", _MANAGERS),
    "academics.sections.update": ("Update sections", _MANAGERS),
    "academics.sections.delete": ("Delete sections", _MANAGERS),
    "students.students.view": (
        "See every student",
        (ADMIN, REGISTRAR, COORDINATOR, EXAM_CELL, FINANCE, OFFICE_ASSISTANT),
    ),
    "students.students.view_own": ("See the own student record", (STUDENT,)),
    "students.students.create": ("Add students", (ADMIN, REGISTRAR, COORDINATOR)),
    "students.students.update": ("Change students", (ADMIN, REGISTRAR, COORDINATOR)),
    "students.students.export": ("Export the student register", (ADMIN, REGISTRAR)),
    "students.students.import": ("Import students from CSV", (ADMIN, REGISTRAR, COORDINATOR)),
    "results.result_headers.view": (
        "See every result, drafts too",
        (ADMIN, REGISTRAR, COORDINATOR, EXAM_CELL),
    ),
    "results.result_headers.view_own": (
        "See the own published results, or all of the own sections",
        (STUDENT, FACULTY),
    ),
    "results.result_headers.export": (
        "Export results, drafts too",
        (ADMIN, REGISTRAR, EXAM_CELL),
    ),
    "transcripts.transcripts.view": (
        "Download any transcript",
        (ADMIN, REGISTRAR, EXAM_CELL, FINANCE),
    ),
    "transcripts.transcripts.view_own": ("Download the own transcript", (STUDENT,)),
    "transcripts.transcripts.request": (
        "Have any transcript mailed to any address",
        (ADMIN, REGISTRAR, EXAM_CELL),
    ),
    "transcripts.transcripts.request_own": (
        "Have the own transcript mailed to the own address",
        (STUDENT,),
    ),
    "transcripts.documents.view": (
        "See which transcripts were issued",
        (ADMIN, REGISTRAR, EXAM_CELL),
    ),
    "transcripts.documents.revoke": ("Revoke issued transcripts", (ADMIN, REGISTRAR)),
    "transcripts.purposes.view": (
        "See the purposes of transcripts and how long each is valid",
        (ADMIN, REGISTRAR, EXAM_CELL, STUDENT),
    ),
    "transcripts.purposes.create": ("Create purposes of transcripts", (ADMIN, REGISTRAR)),
    "transcripts.purposes.update": ("Update purposes of transcripts", (ADMIN, REGISTRAR)),
    "transcripts.purposes.delete": ("Delete purposes of transcripts", (ADMIN, REGISTRAR)),
    "jobs.jobs.view": ("See background jobs", (ADMIN, REGISTRAR)),
    "jobs.jobs.manage": ("Requeue and cancel background jobs", (ADMIN,)),
    **_EXAMS,
    "settings.settings.view": ("See all settings", (ADMIN, REGISTRAR, COORDINATOR)),
    "settings.settings.update": ("Change settings", (ADMIN,)),
    "audit.events.view": ("See the audit trail", (ADMIN,)),
    "audit.events.export": ("Export the audit trail", (ADMIN,)),
    "users.users.view": ("See logins", (ADMIN,)),
    "users.users.export": ("Export logins", (ADMIN,)),
    "users.users.create": ("Add logins", (ADMIN,)),
    "users.users.update": ("Change, deactivate and reset logins", (ADMIN,)),
    "users.roles.view": ("See roles and permissions", (ADMIN, REGISTRAR)),
    "users.roles.create": ("Add roles", (ADMIN,)),
    "users.roles.update": ("Change what roles may do", (ADMIN,)),
    "users.roles.delete": ("Delete roles", (ADMIN,)),
}
"""code → (description, roles that get it at first)"""
