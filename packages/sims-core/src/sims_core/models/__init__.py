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
from sims_core.models.imports import StudentImport
from sims_core.models.outbox import Outbox
from sims_core.models.rate_limit import RateWindow
from sims_core.models.results import Exam, GradingBand, GradingScheme, Result
from sims_core.models.row_count import RowCount
from sims_core.models.students import Student
from sims_core.models.transcripts import (
    TranscriptBatch,
    TranscriptDocument,
    TranscriptPurpose,
    TranscriptRequest,
)

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
    "Outbox",
    "Permission",
    "Program",
    "RateWindow",
    "RefreshToken",
    "Result",
    "Role",
    "RolePermission",
    "RowCount",
    "Stamped",
    "Student",
    "StudentImport",
    "TranscriptBatch",
    "TranscriptDocument",
    "TranscriptPurpose",
    "TranscriptRequest",
    "User",
    "UserRole",
    "Versioned",
]
