"""What a run leaves in the database, and its removal.

A run writes under names that start with ``MARKER``. Whatever refers to those rows is found by
the foreign keys of the models, so a table that is added tomorrow needs nothing here.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

from sqlalchemy import Connection, Engine, Table, delete, func, select, tuple_, update
from sqlalchemy.exc import DatabaseError

from sims_core.models import Base, Outbox, Program, Student, TranscriptRequest, User

MARKER = "smoke-"
ABANDONED = timedelta(hours=1)
"""A run that old was killed; the next one takes its rows away."""

Rows = dict[Table, set[tuple[object, ...]]]


def remove(engine: Engine, marker: str) -> bool:
    """Deletes the rows of the run ``marker``; False when some must stay.

    A record that may not be deleted (an audit trail) keeps what it names; the account is then
    closed instead.
    """
    try:
        with engine.begin() as connection:
            _delete(connection, _rows_of(connection, marker))
    except DatabaseError:
        with engine.begin() as connection:
            connection.execute(
                update(User)
                .where(User.username == marker)
                .values(is_active=False, is_superuser=False)
            )
            connection.execute(
                update(Student).where(Student.reg_no == marker).values(status="inactive")
            )
        return False
    return True


def abandoned(engine: Engine) -> list[str]:
    """Markers of runs that were killed before they could clean up."""
    with engine.connect() as connection:
        found = connection.scalars(
            select(User.username).where(
                User.username.startswith(MARKER),
                User.is_superuser,
                User.created_at < func.now() - ABANDONED,
            )
        )
        return list(found)


def _rows_of(connection: Connection, marker: str) -> Rows:
    """Rows by table: the run's own, then all that refer to them, parents first."""
    rows: Rows = defaultdict(set)
    for model, column in (
        (User, User.username),
        (Program, Program.name),
        (Student, Student.reg_no),
    ):
        found = connection.execute(select(model.id).where(column == marker))
        rows[_table(model)].update((row.id,) for row in found)
    for table in Base.metadata.sorted_tables:
        for constraint in table.foreign_key_constraints:
            targets = rows.get(constraint.referred_table)
            if not targets:
                continue
            columns = [element.parent for element in constraint.elements]
            if [e.column.name for e in constraint.elements] != _key(constraint.referred_table):
                continue  # a composite one; each has a plain one beside it
            values = [target for target in targets if len(target) == len(columns)]
            found = connection.execute(
                select(*table.primary_key.columns).where(tuple_(*columns).in_(values))
            )
            rows[table].update(tuple(row) for row in found)
    jobs = select(TranscriptRequest.job_id).where(
        TranscriptRequest.id.in_([key[0] for key in rows[_table(TranscriptRequest)]])
    )
    rows[_table(Outbox)].update((job,) for job in connection.scalars(jobs))
    return rows


def _delete(connection: Connection, rows: Rows) -> None:
    for table in reversed(Base.metadata.sorted_tables):
        if keys := rows.get(table):
            connection.execute(delete(table).where(tuple_(*table.primary_key.columns).in_(keys)))


def _table(model: type[Base]) -> Table:
    found = model.__table__
    if not isinstance(found, Table):
        raise TypeError(f"{model.__name__} is not mapped to a table")
    return found


def _key(table: Table) -> list[str]:
    return [column.name for column in table.primary_key.columns]
