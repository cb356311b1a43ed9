"""Made-up students and their marks. One random generator makes the same ones again."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random

from faker import Faker

from sims_cli.seed.college import College, Intake
from sims_core.domain.students import StudentStatus

LOCALES = {"en_PK": 10, "en_GB": 1, "de_DE": 1}  # weights; a few names have diacritics
NOT_YET_PUBLISHED = 0.04
"""Share of the latest term's results that wait for their publication."""

POOL = 400  # names of a kind and locale
MAIL_DOMAIN = "students.college.example"  # RFC 2606: nobody's
_AWAY = (
    (StudentStatus.ON_LEAVE, 0.02),
    (StudentStatus.SUSPENDED, 0.01),
    (StudentStatus.INACTIVE, 0.02),
)


@dataclass(frozen=True, slots=True)
class Person:
    """A row of ``student``; ``ability`` in percent is what the marks scatter around."""

    id: int
    reg_no: str
    name: str
    intake: Intake
    group_id: int
    status: StudentStatus
    graduation_year: int
    email: str
    phone: str
    born: date
    registered_at: datetime
    ability: float


@dataclass(frozen=True, slots=True)
class Mark:
    exam_index: int
    points: int  # of 100
    released: bool


class Population:
    """Draws students one after the other."""

    def __init__(self, college: College, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311 (demo data, to be drawn again)
        self._first, self._last, self._weights = _names(seed)
        self._year = college.year
        self._intakes = college.intakes
        self._shares = [intake.program.share for intake in college.intakes]
        self._numbers: Counter[int] = Counter()

    def students(self, count: int) -> Iterator[Person]:
        """The first is of the oldest intake of the first program: a full transcript."""
        intakes = self._random.choices(self._intakes, self._shares, k=count)
        intakes[:1] = self._intakes[:1]
        for id_, intake in enumerate(intakes, start=1):
            yield self._person(id_, intake)

    def marks(self, person: Person) -> list[Mark]:
        """One for each exam of the intake, in its order."""
        gauss, chance = self._random.gauss, self._random.random
        return [
            Mark(
                number,
                min(100, max(18, round(gauss(person.ability, 7)))),
                not (exam.latest and chance() < NOT_YET_PUBLISHED),
            )
            for number, exam in enumerate(person.intake.exams)
        ]

    def _person(self, id_: int, intake: Intake) -> Person:
        random = self._random
        self._numbers[intake.id] += 1
        reg_no = f"{intake.program.code}-{intake.year}-{self._numbers[intake.id]:04d}"
        pool = random.choices(range(len(self._weights)), self._weights)[0]
        name = f"{random.choice(self._first[pool])} {random.choice(self._last[pool])}"
        entry = datetime(intake.year, 8, 20, 8, tzinfo=UTC)
        return Person(
            id=id_,
            reg_no=reg_no,
            name=name,
            intake=intake,
            group_id=random.choice(intake.group_ids),
            status=self._status(intake),
            graduation_year=intake.year + intake.program.years,
            email=f"{_ascii(name)}.{reg_no.lower()}@{MAIL_DOMAIN}",
            phone=f"+92 3{random.randrange(10, 50)} {random.randrange(10**7):07d}",
            born=date(intake.year - 18, 1, 1) + timedelta(days=random.randrange(-500, 500)),
            registered_at=entry + timedelta(seconds=id_),
            ability=min(97.0, max(45.0, random.gauss(75, 9))),
        )

    def _status(self, intake: Intake) -> StudentStatus:
        if intake.year + intake.program.years <= self._year:
            return StudentStatus.GRADUATED
        drawn = self._random.random()
        for status, share in _AWAY:
            if drawn < share:
                return status
            drawn -= share
        return StudentStatus.ACTIVE


def _names(seed: int) -> tuple[list[list[str]], list[list[str]], list[int]]:
    first, last = [], []
    for locale in LOCALES:
        faker = Faker(locale)
        faker.seed_instance(seed)
        first.append([faker.first_name() for _ in range(POOL)])
        last.append([faker.last_name() for _ in range(POOL)])
    return first, last, list(LOCALES.values())


def _ascii(name: str) -> str:
    """``Zoë Müller`` → ``zoe.muller``."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return ".".join(plain.lower().replace("'", "").split())
