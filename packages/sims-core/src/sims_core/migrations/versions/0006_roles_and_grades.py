"""The first roles, their permissions, and the default grading scheme: data from here on."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ROLES = [
    ("Admin", "Runs the installation; may do everything"),
    ("Registrar", "Keeps the register: students, programs, transcripts"),
    ("Coordinator", "Runs programs and imports students"),
    ("Faculty", "Teaches"),
    ("ExamCell", "Keeps exams and results"),
    ("Finance", "Keeps fees and dues"),
    ("OfficeAssistant", "Prepares records"),
    ("Student", "Sees the own record"),
]

# code, description, roles that get it
PERMISSIONS = [
    (
        "academics.programs.view",
        "See programs",
        "Admin Registrar Coordinator Faculty ExamCell Finance OfficeAssistant Student",
    ),
    ("academics.programs.create", "Create programs", "Admin Registrar Coordinator"),
    ("academics.programs.update", "Update programs", "Admin Registrar Coordinator"),
    ("academics.programs.delete", "Delete programs", "Admin Registrar Coordinator"),
    (
        "academics.batches.view",
        "See batches",
        "Admin Registrar Coordinator Faculty ExamCell Finance OfficeAssistant Student",
    ),
    ("academics.batches.create", "Create batches", "Admin Registrar Coordinator"),
    ("academics.batches.update", "Update batches", "Admin Registrar Coordinator"),
    ("academics.batches.delete", "Delete batches", "Admin Registrar Coordinator"),
    (
        "academics.groups.view",
        "See groups",
        "Admin Registrar Coordinator Faculty ExamCell Finance OfficeAssistant Student",
    ),
    ("academics.groups.create", "Create groups", "Admin Registrar Coordinator"),
    ("academics.groups.update", "Update groups", "Admin Registrar Coordinator"),
    ("academics.groups.delete", "Delete groups", "Admin Registrar Coordinator"),
    (
        "academics.departments.view",
        "See departments",
        "Admin Registrar Coordinator Faculty ExamCell Finance OfficeAssistant Student",
    ),
    ("academics.departments.create", "Create departments", "Admin Registrar Coordinator"),
    ("academics.departments.update", "Update departments", "Admin Registrar Coordinator"),
    ("academics.departments.delete", "Delete departments", "Admin Registrar Coordinator"),
    (
        "academics.terms.view",
        "See academic periods",
        "Admin Registrar Coordinator Faculty ExamCell Finance OfficeAssistant Student",
    ),
    ("academics.terms.create", "Create academic periods", "Admin Registrar Coordinator"),
    ("academics.terms.update", "Update academic periods", "Admin Registrar Coordinator"),
    ("academics.terms.delete", "Delete academic periods", "Admin Registrar Coordinator"),
    (
        "academics.courses.view",
        "See courses",
        "Admin Registrar Coordinator Faculty ExamCell Finance OfficeAssistant Student",
    ),
    ("academics.courses.create", "Create courses", "Admin Registrar Coordinator"),
    ("academics.courses.update", "Update courses", "Admin Registrar Coordinator"),
    ("academics.courses.delete", "Delete courses", "Admin Registrar Coordinator"),
    (
        "students.students.view",
        "See every student",
        "Admin Registrar Coordinator ExamCell Finance OfficeAssistant",
    ),
    ("students.students.view_own", "See the own student record", "Student"),
    ("students.students.create", "Add students", "Admin Registrar Coordinator"),
    ("students.students.update", "Change students", "Admin Registrar Coordinator"),
    ("students.students.import", "Import students from CSV", "Admin Registrar Coordinator"),
    (
        "results.result_headers.view",
        "See every result, drafts too",
        "Admin Registrar Coordinator ExamCell",
    ),
    ("results.result_headers.view_own", "See the own published results", "Student"),
    ("transcripts.transcripts.view", "Download any transcript", "Admin Registrar ExamCell Finance"),
    ("transcripts.transcripts.view_own", "Download the own transcript", "Student"),
    (
        "transcripts.transcripts.request",
        "Have any transcript mailed to any address",
        "Admin Registrar ExamCell",
    ),
    (
        "transcripts.transcripts.request_own",
        "Have the own transcript mailed to the own address",
        "Student",
    ),
]

# from percent, letter, grade points
BANDS = [
    (90, "A+", "4.0"),
    (85, "A", "3.7"),
    (80, "B+", "3.3"),
    (75, "B", "3.0"),
    (70, "C+", "2.3"),
    (65, "C", "2.0"),
    (60, "D", "1.0"),
    (0, "F", "0.0"),
]


def upgrade() -> None:
    run = op.get_bind().execute
    for name, description in ROLES:
        run(
            text(
                "INSERT INTO role (name, description, is_system) VALUES (:name, :description, true)"
            ),
            {"name": name, "description": description},
        )
    for code, description, roles in PERMISSIONS:
        run(
            text("INSERT INTO permission (code, description) VALUES (:code, :description)"),
            {"code": code, "description": description},
        )
        run(
            text(
                "INSERT INTO role_permission (role_id, permission_code)"
                " SELECT id, :code FROM role WHERE name = ANY(:roles)"
            ),
            {"code": code, "roles": roles.split()},
        )
    scheme = run(
        text("INSERT INTO grading_scheme (name, is_default) VALUES ('Default', true) RETURNING id")
    ).scalar_one()
    for percent, letter, points in BANDS:
        run(
            text(
                "INSERT INTO grading_band (scheme_id, min_percent, letter, points)"
                " VALUES (:scheme, :percent, :letter, :points)"
            ),
            {"scheme": scheme, "percent": percent, "letter": letter, "points": points},
        )


def downgrade() -> None:
    for table in ("grading_band", "grading_scheme", "role_permission", "permission", "role"):
        op.execute(f"DELETE FROM {table}")  # noqa: S608
