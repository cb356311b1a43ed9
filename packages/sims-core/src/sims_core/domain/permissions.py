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
    "results.result_headers.export": (
        "Export results, drafts too",
        (ADMIN, REGISTRAR, EXAM_CELL),
    ),
    "results.result_headers.view_own": ("See the own published results", (STUDENT,)),
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
