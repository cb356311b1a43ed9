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
from sims_core.models.assessments import Assessment, AssessmentScore
from sims_core.models.attendance import Attendance, AttendanceChange, AttendanceExemption
from sims_core.models.audit import AuditChain, AuditEvent, AuditSeal
from sims_core.models.base import Base, Stamped, Versioned
from sims_core.models.curriculum import Block, Module, Period, Track
from sims_core.models.exams import Exam, ExamComponent
from sims_core.models.holds import Hold
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
from sims_core.models.settings import InstitutionSetting
from sims_core.models.students import Student
from sims_core.models.timetable import Booking, CalendarFeed, ClassSession
from sims_core.models.transcripts import (
    TranscriptBatch,
    TranscriptDocument,
    TranscriptPurpose,
    TranscriptRequest,
)

__all__ = [
    "AcademicPeriod",
    "Address",
    "Assessment",
    "AssessmentScore",
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
    "ExamComponent",
    "GradingBand",
    "GradingScheme",
    "Group",
    "Hold",
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
    "SignInThrottle",
    "Stamped",
    "Student",
    "StudentDocument",
    "StudentRequest",
    "StudentStatusChange",
    "Track",
    "TranscriptBatch",
    "TranscriptDocument",
    "TranscriptPurpose",
    "TranscriptRequest",
    "User",
    "UserRole",
    "Versioned",
]
