"""Tables, one aggregate a file. Importing this package registers all of them."""

from sims_core.models.academics import (
    AcademicPeriod,
    Batch,
    Course,
    CoursePrerequisite,
    Department,
    Group,
    Program,
)
from sims_core.models.audit import AuditChain, AuditEvent, AuditSeal
from sims_core.models.base import Base, Stamped, Versioned
from sims_core.models.curriculum import Block, Module, Period, Track
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
from sims_core.models.sections import (
    Enrollment,
    EnrollmentEvent,
    Room,
    Section,
    SectionTeacher,
)
from sims_core.models.settings import InstitutionSetting
from sims_core.models.students import Student
from sims_core.models.transcripts import TranscriptBatch, TranscriptRequest

__all__ = [
    "AcademicPeriod",
    "AuditChain",
    "AuditEvent",
    "AuditSeal",
    "AuthSession",
    "Base",
    "Batch",
    "Block",
    "Course",
    "CoursePrerequisite",
    "Department",
    "Enrollment",
    "EnrollmentEvent",
    "Exam",
    "GradingBand",
    "GradingScheme",
    "Group",
    "IdempotencyKey",
    "ImportJob",
    "InstitutionSetting",
    "Module",
    "Outbox",
    "Period",
    "Permission",
    "Program",
    "RefreshToken",
    "Result",
    "Role",
    "RolePermission",
    "Room",
    "RowCount",
    "Section",
    "SectionTeacher",
    "Stamped",
    "Student",
    "Track",
    "TranscriptBatch",
    "TranscriptRequest",
    "User",
    "UserRole",
    "Versioned",
]
