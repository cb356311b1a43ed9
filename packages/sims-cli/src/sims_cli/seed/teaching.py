"""What runs in the open term: sections, enrolments, a timetable, attendance of its first weeks.

Written by the database from a few rows of ours. Only the first ``TAUGHT`` students are taught:
a larger seed is for measuring the register.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import psycopg

from sims_cli.seed.college import INTAKES, College, Period
from sims_core.domain.timetable import Weekly, spans

TAUGHT = 2000
WEEKS = 8  # with attendance
FIRST_HOUR = 9
DAYS = 5

_STATEMENTS = {
    "room": """
INSERT INTO room (code, name, building, capacity)
SELECT 'R' || s.group_id, 'Room ' || s.group_id, 'Main building', 200
FROM seed_class AS s ORDER BY s.group_id""",
    "section": """
INSERT INTO section (course_id, academic_period_id, group_id, name, capacity)
SELECT r.course_id, %(period)s, g.id, b.name || ' ' || g.name, greatest(60, s.n + 10)
FROM seed_running AS r
JOIN batch AS b ON b.id = r.batch_id
JOIN student_group AS g ON g.batch_id = b.id
JOIN seed_class AS s ON s.group_id = g.id
ORDER BY g.id, r.slot""",
    "enrollment": """
INSERT INTO enrollment (section_id, student_id, status, requested_at, enrolled_at)
SELECT s.id, t.id, 'enrolled', %(start)s, %(start)s
FROM section AS s JOIN student AS t ON t.group_id = s.group_id
WHERE t.id <= %(taught)s AND t.status = 'active' ORDER BY s.id, t.id""",
    "enrollment_event": """
INSERT INTO enrollment_event (enrollment_id, to_status, reason, at)
SELECT id, status, 'Start of term', enrolled_at FROM enrollment""",
    "class_session": """
INSERT INTO class_session (section_id, room_id, starts_at, ends_at)
SELECT s.id, m.id, t.starts_at, t.ends_at
FROM section AS s
JOIN student_group AS g ON g.id = s.group_id
JOIN seed_running AS r ON r.course_id = s.course_id AND r.batch_id = g.batch_id
JOIN room AS m ON m.code = 'R' || s.group_id
JOIN seed_slot AS t ON t.slot = r.slot
ORDER BY t.starts_at, s.id""",
    "attendance": """
INSERT INTO attendance (session_id, student_id, status, marked_at)
SELECT c.id, e.student_id,
       coalesce((ARRAY['ABSENT', 'ABSENT', 'LATE', 'LEAVE'])
                [1 + (e.student_id * 7 + c.id * 13) %% 20], 'PRESENT'),
       c.ends_at
FROM class_session AS c JOIN enrollment AS e ON e.section_id = c.section_id
WHERE c.starts_at < %(until)s ORDER BY c.id, e.student_id""",
}
TABLES = tuple(_STATEMENTS)


def write(cursor: psycopg.Cursor, college: College, zone: ZoneInfo) -> dict[str, int]:
    """Rows written by table. Times are the institution's."""
    period = college.periods[-1]
    _tell(cursor, college, period, zone)
    start = datetime.combine(period.start, time(8), zone)
    values = {
        "period": period.id,
        "taught": TAUGHT,
        "start": start,
        "until": start + timedelta(weeks=WEEKS),
    }
    counts = {}
    for table, statement in _STATEMENTS.items():
        cursor.execute(statement, values)
        counts[table] = cursor.rowcount
    for table in ("seed_running", "seed_slot", "seed_class"):
        cursor.execute(f"DROP TABLE {table}")
    return counts


def _tell(cursor: psycopg.Cursor, college: College, period: Period, zone: ZoneInfo) -> None:
    """Which courses run for whom, when each slot is, and which groups there are."""
    cursor.execute("CREATE TEMP TABLE seed_running (course_id bigint, batch_id bigint, slot int)")
    with cursor.copy("COPY seed_running FROM STDIN") as copy:
        for row in _running(college):
            copy.write_row(row)
    cursor.execute(
        "CREATE TEMP TABLE seed_slot (slot int, starts_at timestamptz, ends_at timestamptz)"
    )
    slots = max((slot for _, _, slot in _running(college)), default=-1) + 1
    with cursor.copy("COPY seed_slot FROM STDIN") as copy:
        for slot in range(slots):
            hour = FIRST_HOUR + slot // DAYS
            weekly = Weekly(period.start, period.end, [slot % DAYS], time(hour), time(hour + 1))
            for span in spans(weekly, zone):
                copy.write_row((slot, span.starts_at, span.ends_at))
    cursor.execute(
        "CREATE TEMP TABLE seed_class AS SELECT group_id, count(*) AS n FROM student"
        " WHERE id <= %s AND status = 'active' GROUP BY group_id",
        (TAUGHT,),
    )


def _running(college: College) -> Iterator[tuple[int, int, int]]:
    """(course, batch, slot): courses of the intakes' present term; a slot of its own for each."""
    for intake in college.intakes:
        entered = 2 * (intake.year - (college.year - INTAKES + 1))
        present = len(college.periods) - 1 - entered
        courses = [course for course in intake.program.courses if course.term == present]
        for slot, course in enumerate(courses):
            yield college.course_ids[course.code], intake.id, slot


def give_to_teacher(cursor: psycopg.Cursor, username: str) -> None:
    """The first group's sections become this user's own."""
    cursor.execute(
        "INSERT INTO section_teacher (section_id, user_id)"
        " SELECT s.id, u.id FROM section AS s, user_account AS u"
        " WHERE u.username = %s AND s.group_id = (SELECT min(group_id) FROM section)"
        " ON CONFLICT DO NOTHING",
        (username,),
    )
