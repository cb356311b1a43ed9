"""Who may do what with exams, results, assessments and requests."""

from __future__ import annotations

from alembic import op

from sims_core.migrations.steps import grant, revoke

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

PERMISSIONS = [
    (
        "exams.exams.view",
        "See exams",
        "Admin Registrar Coordinator Faculty ExamCell Finance OfficeAssistant",
    ),
    ("exams.exams.create", "Create exams", "Admin ExamCell"),
    ("exams.exams.update", "Change exams and their components", "Admin ExamCell"),
    ("exams.exams.delete", "Delete exams", "Admin ExamCell"),
    (
        "results.marks.view",
        "See the marks grid of every section",
        "Admin Registrar Coordinator ExamCell",
    ),
    ("results.marks.view_own", "See the marks grid of the own sections", "Faculty"),
    ("results.marks.enter", "Enter marks of every section", "Admin ExamCell"),
    ("results.marks.enter_own", "Enter marks of the own sections", "Faculty"),
    ("results.result_headers.create", "Register candidates of an exam", "Admin ExamCell"),
    ("results.result_headers.verify", "Verify results, or return them", "Admin ExamCell"),
    ("results.result_headers.publish", "Publish results", "Admin Registrar ExamCell"),
    ("results.result_headers.freeze", "Freeze results", "Admin ExamCell"),
    ("results.result_headers.withhold", "Hold back a student's result", "Admin Registrar ExamCell"),
    ("results.changes.view", "See every change request", "Admin Registrar Coordinator ExamCell"),
    ("results.changes.view_own", "See the own change requests", "Faculty"),
    (
        "results.changes.create",
        "Ask for the change of any released result",
        "Admin Registrar ExamCell",
    ),
    ("results.changes.create_own", "Ask for changes in the own sections", "Faculty"),
    (
        "results.changes.approve",
        "Decide about changes that others asked for",
        "Admin Registrar ExamCell",
    ),
    (
        "results.grading_schemes.view",
        "See grading schemes",
        "Admin Registrar Coordinator Faculty ExamCell Finance OfficeAssistant Student",
    ),
    ("results.grading_schemes.create", "Create grading schemes", "Admin ExamCell"),
    ("results.grading_schemes.update", "Change grading schemes", "Admin ExamCell"),
    ("results.grading_schemes.delete", "Delete grading schemes", "Admin ExamCell"),
    (
        "assessments.assessments.view",
        "See coursework and scores of every section",
        "Admin Registrar Coordinator ExamCell",
    ),
    (
        "assessments.assessments.view_own",
        "See coursework and scores of the own sections",
        "Faculty Student",
    ),
    (
        "assessments.assessments.manage",
        "Keep coursework and scores of every section",
        "Admin Coordinator",
    ),
    (
        "assessments.assessments.manage_own",
        "Keep coursework and scores of the own sections",
        "Faculty",
    ),
    ("requests.requests.view", "See every request", "Admin Registrar ExamCell OfficeAssistant"),
    ("requests.requests.view_own", "See the own requests", "Student"),
    (
        "requests.requests.create",
        "Make requests for any student",
        "Admin Registrar OfficeAssistant",
    ),
    ("requests.requests.create_own", "Make requests", "Student"),
    (
        "requests.requests.process",
        "Assign and decide requests, make internal remarks",
        "Admin Registrar ExamCell",
    ),
]
# Faculty sees the results of its sections, by the permission that students have for theirs.
OWN = "results.result_headers.view_own"


def upgrade() -> None:
    grant(PERMISSIONS)
    op.execute(
        "INSERT INTO role_permission (role_id, permission_code)"  # noqa: S608
        f" SELECT id, '{OWN}' FROM role WHERE name = 'Faculty'"
    )


def downgrade() -> None:
    op.execute(
        f"DELETE FROM role_permission WHERE permission_code = '{OWN}'"  # noqa: S608
        " AND role_id = (SELECT id FROM role WHERE name = 'Faculty')"
    )
    revoke(PERMISSIONS)
