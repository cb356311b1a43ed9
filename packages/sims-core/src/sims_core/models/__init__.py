"""Tables, one aggregate a file. Importing this package registers all of them."""

from sims_core.models.academics import (
    AcademicPeriod,
    Batch,
    Course,
    Department,
    Group,
    Program,
)
from sims_core.models.base import Base, Stamped, Versioned
from sims_core.models.idempotency import IdempotencyKey
from sims_core.models.identity import (
    AuthSession,
    Permission,
    RefreshToken,
    Role,
    RolePermission,
    User,
    UserRole,
)
from sims_core.models.imports import ImportJob
from sims_core.models.outbox import Outbox
from sims_core.models.results import Exam, GradingBand, GradingScheme, Result
from sims_core.models.row_count import RowCount
from sims_core.models.students import Student
from sims_core.models.transcripts import TranscriptBatch, TranscriptRequest

__all__ = [
    "AcademicPeriod",
    "AuthSession",
    "Base",
    "Batch",
    "Course",
    "Department",
    "Exam",
    "GradingBand",
    "GradingScheme",
    "Group",
    "IdempotencyKey",
    "ImportJob",
    "Outbox",
    "Permission",
    "Program",
    "RefreshToken",
    "Result",
    "Role",
    "RolePermission",
    "RowCount",
    "Stamped",
    "Student",
    "TranscriptBatch",
    "TranscriptRequest",
    "User",
    "UserRole",
    "Versioned",
]
