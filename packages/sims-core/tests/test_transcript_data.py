"""What a transcript says, read from a real database."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from sims_core import transcript_data
from sims_core.domain.grading import NoBand
from sims_core.domain.results import RELEASED, Outcome, ResultStatus
from sims_core.models import (
    AcademicPeriod,
    Batch,
    Course,
    Department,
    Exam,
    GradingBand,
    GradingScheme,
    Program,
    Result,
    Student,
)
from sims_transcripts import TranscriptData


class College:
    """One student and whatever results a test gives."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.program = Program(name="BSc Testing")
        self.department = Department(name="Tests", code="T")
        session.add_all([self.program, self.department])
        session.flush()
        self.batch = Batch(program_id=self.program.id, name="2021", start_year=2021)
        session.add(self.batch)
        session.flush()
        self.student = self.add_student("R-1")

    def add_student(self, reg_no: str, batch_id: int | None = None) -> Student:
        student = Student(
            reg_no=reg_no,
            name=f"Student {reg_no}",
            program_id=self.program.id,
            batch_id=batch_id,
            enrollment_year=2021,
        )
        self.session.add(student)
        self.session.flush()
        return student

    def period(self, name: str, start: date) -> AcademicPeriod:
        period = AcademicPeriod(name=name, start_date=start, end_date=date(2030, 1, 1))
        self.session.add(period)
        self.session.flush()
        return period

    def course(self, code: str, credits_: int = 3) -> Course:
        course = Course(
            code=code, name=f"Course {code}", department_id=self.department.id, credits=credits_
        )
        self.session.add(course)
        self.session.flush()
        return course

    def result(
        self,
        course: Course,
        period: AcademicPeriod,
        obtained: str,
        *,
        status: ResultStatus = ResultStatus.PUBLISHED,
        title: str = "Final",
        day: int | None = None,
        of: Student | None = None,
        outcome: Outcome = Outcome.PENDING,
    ) -> None:
        exam = Exam(
            course_id=course.id,
            academic_period_id=period.id,
            title=title,
            scheduled_at=datetime(2026, 1, day, tzinfo=UTC) if day else None,
        )
        self.session.add(exam)
        self.session.flush()
        self.session.add(
            Result(
                exam_id=exam.id,
                student_id=(of or self.student).id,
                total_obtained=Decimal(obtained),
                total_max=Decimal(100),
                final_outcome=outcome,
                status=status,
            )
        )
        self.session.flush()

    def transcript(self) -> TranscriptData:
        run = self.session.execute
        header = run(transcript_data.header_statement(self.student.id)).one()
        return transcript_data.assemble(
            header,
            run(transcript_data.scheme_statement(header.scheme_id)).all(),
            run(transcript_data.results_statement(self.student.id)).all(),
            institution="College",
            issued_on=date(2026, 11, 24),
        )


@pytest.fixture
def college(session: Session) -> College:
    return College(session)


def codes(data: TranscriptData) -> list[list[str]]:
    return [[line.code for line in period.courses] for period in data.periods]


def test_a_student_without_results_has_a_transcript_without_periods(college: College) -> None:
    data = college.transcript()

    assert (data.student_name, data.reg_no, data.program) == ("Student R-1", "R-1", "BSc Testing")
    assert (data.batch, data.status) == ("", "active")
    assert data.periods == ()
    assert (data.credits, data.credits_earned, data.cgpa) == (0, 0, None)
    assert [step.letter for step in data.scale] == ["A+", "A", "B+", "B", "C+", "C", "D", "F"]


def test_an_unknown_student_has_no_row(session: Session) -> None:
    assert session.execute(transcript_data.header_statement(0)).one_or_none() is None


def test_figures_of_a_period_and_overall(college: College) -> None:
    fall = college.period("Fall", date(2025, 9, 1))
    spring = college.period("Spring", date(2026, 2, 1))
    college.result(college.course("A", 3), fall, "90")  # 4.0
    college.result(college.course("B", 1), fall, "59.99")  # 0.0, not passed
    college.result(college.course("C", 2), spring, "75")  # 3.0
    college.student.batch_id = college.batch.id
    college.session.flush()

    data = college.transcript()

    assert data.batch == "2021"
    first, second = data.periods
    assert (first.name, first.credits, first.credits_earned, first.gpa) == (
        "Fall",
        4,
        3,
        Decimal("3.00"),
    )
    assert (second.credits, second.credits_earned, second.gpa) == (2, 2, Decimal("3.00"))
    assert (data.credits, data.credits_earned, data.cgpa) == (6, 5, Decimal("3.00"))
    line = first.courses[1]
    assert (line.percent, line.letter, line.points) == (Decimal("59.99"), "F", Decimal("0.00"))


@pytest.mark.parametrize("status", list(ResultStatus))
def test_only_released_results_show_and_freezing_removes_none(
    college: College, status: ResultStatus
) -> None:
    college.result(college.course("A"), college.period("P", date(2026, 1, 1)), "80", status=status)

    shown = bool(college.transcript().periods)

    assert shown == (status in RELEASED)
    assert shown == (status in ("PUBLISHED", "FROZEN"))


def test_another_students_results_never_show(college: College) -> None:
    other = college.add_student("R-2")
    college.result(college.course("A"), college.period("P", date(2026, 1, 1)), "80", of=other)

    assert college.transcript().periods == ()


def test_periods_follow_the_calendar_and_courses_their_codes(college: College) -> None:
    later = college.period("Entered first, held later", date(2026, 2, 1))
    twin = college.period("Same start", date(2025, 9, 1))
    earlier = college.period("Entered last", date(2025, 9, 1))
    for period, names in ((later, "ZB"), (twin, "CA"), (earlier, "YX")):
        for name in names:
            college.result(college.course(name), period, "80")

    data = college.transcript()

    assert [period.name for period in data.periods] == [
        "Same start",
        "Entered last",
        "Entered first, held later",
    ]
    assert codes(data) == [["A", "C"], ["X", "Y"], ["B", "Z"]]


def test_a_repeated_course_shows_each_time_and_counts_once(college: College) -> None:
    course = college.course("A", 3)
    college.result(course, college.period("First", date(2025, 1, 1)), "50")
    college.result(course, college.period("Second", date(2025, 6, 1)), "92")
    college.result(course, college.period("Third", date(2026, 1, 1)), "76")

    data = college.transcript()

    assert [p.courses[0].counted for p in data.periods] == [False, True, False]
    assert [p.gpa for p in data.periods] == [Decimal("0.00"), Decimal("4.00"), Decimal("3.00")]
    assert (data.credits, data.credits_earned, data.cgpa) == (3, 3, Decimal("4.00"))


def test_a_resit_in_the_same_period_does_not_double_the_credits(college: College) -> None:
    course, period = college.course("A", 3), college.period("P", date(2026, 1, 1))
    college.result(course, period, "70", title="A resit", day=20)
    college.result(course, period, "40", title="Final", day=10)

    (found,) = college.transcript().periods

    assert [line.percent for line in found.courses] == [Decimal("40.00"), Decimal("70.00")]
    assert [line.counted for line in found.courses] == [False, True]
    assert (found.credits, found.credits_earned, found.gpa) == (3, 3, Decimal("2.30"))


def test_the_programs_own_scheme_comes_before_the_default(college: College) -> None:
    run = college.session.execute
    scheme = run(insert(GradingScheme).values(name="Pass").returning(GradingScheme.id)).scalar_one()
    run(insert(GradingBand).values(scheme_id=scheme, min_percent=50, letter="P", points=4))
    college.program.grading_scheme_id = scheme
    college.result(college.course("A"), college.period("P", date(2026, 1, 1)), "50")

    data = college.transcript()

    assert data.periods[0].courses[0].letter == "P"
    assert [step.letter for step in data.scale] == ["P"]


def test_a_gap_in_the_scheme_is_named(college: College) -> None:
    run = college.session.execute
    run(update(GradingScheme).values(is_default=False))
    college.result(college.course("A"), college.period("P", date(2026, 1, 1)), "50")

    assert run(select(GradingScheme.id).where(GradingScheme.is_default)).first() is None
    with pytest.raises(NoBand, match=r"covers 50\.00 %"):
        college.transcript()


def test_a_result_that_failed_by_its_rules_earns_nothing_whatever_its_total(
    college: College,
) -> None:
    """80 % with a failed practical: the transcript must not say B+."""
    period = college.period("P", date(2026, 1, 1))
    college.result(college.course("A"), period, "80", outcome=Outcome.FAIL)
    college.result(college.course("B"), period, "80", outcome=Outcome.PASS)

    data = college.transcript()

    lines = {line.code: line for line in data.periods[0].courses}
    assert lines["A"].letter == "F"
    assert lines["A"].points == 0
    assert (lines["B"].letter, lines["B"].points) == ("B+", Decimal("3.3"))
    assert (data.credits, data.credits_earned, data.cgpa) == (6, 3, Decimal("1.65"))
