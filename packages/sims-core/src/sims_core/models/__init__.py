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
from sims_core.models.attendance import Attendance, AttendanceChange, AttendanceExemption
from sims_core.models.audit import AuditChain, AuditEvent, AuditSeal
from sims_core.models.base import Base, Stamped, Versioned
from sims_core.models.curriculum import Block, Module, Period, Track
from sims_core.models.idempotency import IdempotencyKey
from sims_core.models.identity import (
    AuthSession,
    PasswordCode,
    Permission,
    RefreshToken,
    Role,
    RolePermission,
    SignInThrottle,
    User,
    UserRole,
)
from sims_core.models.imports import ImportJob
from sims_core.models.outbox import Outbox
from sims_core.models.people import (
    Address,
    ContactInfo,
    IdentityDocument,
    LeavePeriod,
    Person,
    StudentDocument,
    StudentStatusChange,
)
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
from sims_core.models.timetable import Booking, CalendarFeed, ClassSession
from sims_core.models.transcripts import TranscriptBatch, TranscriptRequest

__all__ = [
    "AcademicPeriod",
    "Address",
    "Attendance",
    "AttendanceChange",
    "AttendanceExemption",
    "AuditChain",
    "AuditEvent",
    "AuditSeal",
    "AuthSession",
    "Base",
    "Batch",
    "Block",
    "Booking",
    "CalendarFeed",
    "ClassSession",
    "ContactInfo",
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
    "IdentityDocument",
    "ImportJob",
    "InstitutionSetting",
    "LeavePeriod",
    "Module",
    "Outbox",
    "PasswordCode",
    "Period",
    "Permission",
    "Person",
    "Program",
    "RefreshToken",
    "Result",
    "Role",
    "RolePermission",
    "Room",
    "RowCount",
    "Section",
    "SectionTeacher",
    "SignInThrottle",
    "Stamped",
    "Student",
    "StudentDocument",
    "StudentStatusChange",
    "Track",
    "TranscriptBatch",
    "TranscriptRequest",
    "User",
    "UserRole",
    "Versioned",
]
