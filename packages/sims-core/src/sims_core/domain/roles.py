"""Names of the first roles."""

from __future__ import annotations

ADMIN = "Admin"
REGISTRAR = "Registrar"
COORDINATOR = "Coordinator"
FACULTY = "Faculty"
EXAM_CELL = "ExamCell"
FINANCE = "Finance"
OFFICE_ASSISTANT = "OfficeAssistant"
STUDENT = "Student"
