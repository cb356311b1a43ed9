"""Tables, one aggregate a file. Importing this package registers all of them."""

from sims_core.models.academics import (
    AcademicPeriod,
    Batch,
    Course,
    Department,
    Group,
    Program,
)
from sims_core.models.assessments import Assessment, AssessmentScore
from sims_core.models.base import Base, Stamped, Versioned
from sims_core.models.exams import Exam, ExamComponent
from sims_core.models.holds import Hold
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
from sims_core.models.requests import RequestEvent, RequestRemark, StudentRequest
from sims_core.models.result_changes import ResultChange, ResultChangeItem
from sims_core.models.results import GradingBand, GradingScheme, Result, ResultComponent
from sims_core.models.row_count import RowCount
from sims_core.models.sections import (
    Enrollment,
    EnrollmentEvent,
    Room,
    Section,
    SectionTeacher,
)
from sims_core.models.students import Student
from sims_core.models.transcripts import (
    TranscriptBatch,
    TranscriptDocument,
    TranscriptPurpose,
    TranscriptRequest,
)

__all__ = [
    "AcademicPeriod",
    "Assessment",
    "AssessmentScore",
    "AuthSession",
    "Base",
    "Batch",
    "Course",
    "Department",
    "Enrollment",
    "EnrollmentEvent",
    "Exam",
    "ExamComponent",
    "GradingBand",
    "GradingScheme",
    "Group",
    "Hold",
    "IdempotencyKey",
    "Outbox",
    "Permission",
    "Program",
    "RateWindow",
    "RefreshToken",
    "RequestEvent",
    "RequestRemark",
    "Result",
    "ResultChange",
    "ResultChangeItem",
    "ResultComponent",
    "Role",
    "RolePermission",
    "Room",
    "RowCount",
    "Section",
    "SectionTeacher",
    "Stamped",
    "Student",
    "StudentImport",
    "StudentRequest",
    "TranscriptBatch",
    "TranscriptDocument",
    "TranscriptPurpose",
    "TranscriptRequest",
    "User",
    "UserRole",
    "Versioned",
]
