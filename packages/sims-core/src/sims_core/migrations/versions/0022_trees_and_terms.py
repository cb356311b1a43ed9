"""Trees without cycles, closed academic periods that stay as they are, and who may what."""

from __future__ import annotations

from alembic import op

from sims_core.migrations.steps import (
    accept_closed,
    count_rows_of,
    grant,
    refuse_closed,
    revoke,
    stop_counting,
)

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

COUNTED = ("period", "track", "block", "module")

# Serialised by a lock, since two writers could each close one half of a cycle unseen.
NO_CYCLE = """
CREATE FUNCTION sims_refuse_cycle() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  child bigint := (to_jsonb(NEW) ->> TG_ARGV[0])::bigint;
  parent bigint := (to_jsonb(NEW) ->> TG_ARGV[1])::bigint;
  found boolean;
BEGIN
  IF parent IS NULL THEN
    RETURN NEW;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('sims_refuse_cycle'), hashtext(TG_TABLE_NAME));
  EXECUTE format(
    'WITH RECURSIVE above (id) AS (
       SELECT $1 UNION SELECT t.%2$I FROM %3$I AS t JOIN above ON t.%1$I = above.id
       WHERE t.%2$I IS NOT NULL)
     SELECT EXISTS (SELECT FROM above WHERE id = $2)', TG_ARGV[0], TG_ARGV[1], TG_TABLE_NAME)
  INTO found USING parent, child;
  IF found THEN
    RAISE EXCEPTION 'cycle' USING ERRCODE = 'check_violation',
      CONSTRAINT = TG_ARGV[2];
  END IF;
  RETURN NEW;
END $$
"""
TREES = (
    ("department", "id", "parent_id", "tree_department"),
    ("academic_period", "id", "parent_period_id", "tree_academic_period"),
    ("course_prerequisite", "course_id", "prerequisite_id", "tree_course"),
)

# The period's rows are locked, so that closing waits for running writes and they for it.
CLOSED = """
CREATE FUNCTION sims_refuse_closed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  rows text := CASE TG_OP
    WHEN 'INSERT' THEN 'SELECT * FROM added'
    WHEN 'DELETE' THEN 'SELECT * FROM removed'
    ELSE 'SELECT * FROM added UNION ALL SELECT * FROM removed' END;
  closed text;
BEGIN
  EXECUTE format(
    'WITH touched AS (
       SELECT p.name, p.status FROM academic_period AS p
       WHERE p.id IN (SELECT %s FROM (%s) AS r %s) ORDER BY p.id FOR SHARE)
     SELECT min(name) FROM touched WHERE status = %L', TG_ARGV[0], rows, TG_ARGV[1], 'CLOSED')
  INTO closed;
  IF closed IS NOT NULL THEN
    RAISE EXCEPTION 'closed' USING ERRCODE = 'check_violation',
      CONSTRAINT = 'term_closed', DETAIL = closed;
  END IF;
  RETURN NULL;
END $$
"""
BY_SECTION = ("s.academic_period_id", "JOIN section AS s ON s.id = r.section_id")
IN_PERIODS = {
    "section": ("r.academic_period_id", ""),
    "section_teacher": BY_SECTION,
    "enrollment": BY_SECTION,
}

MANAGERS = "Admin Registrar Coordinator"
EVERYBODY = "Admin Registrar Coordinator Faculty ExamCell Finance OfficeAssistant Student"
PERMISSIONS = [
    ("academics.programs.manage", "Finalize programs, generate their periods", MANAGERS),
    ("academics.terms.manage", "Open and close academic periods", MANAGERS),
    *(
        permission
        for key in ("periods", "tracks", "blocks", "modules")
        for permission in (
            (f"academics.{key}.view", f"See {key}", EVERYBODY),
            (f"academics.{key}.create", f"Create {key}", MANAGERS),
            (f"academics.{key}.update", f"Update {key}", MANAGERS),
            (f"academics.{key}.delete", f"Delete {key}", MANAGERS),
        )
    ),
    (
        "academics.sections.view",
        "See every section",
        "Admin Registrar Coordinator ExamCell Finance OfficeAssistant",
    ),
    ("academics.sections.view_own", "See the sections taught or taken", "Faculty Student"),
    ("academics.sections.create", "Create sections", MANAGERS),
    ("academics.sections.update", "Update sections", MANAGERS),
    ("academics.sections.delete", "Delete sections", MANAGERS),
]


def upgrade() -> None:
    _add_triggers()
    for table in COUNTED:
        count_rows_of(table)
    grant(PERMISSIONS)


def _add_triggers() -> None:
    op.execute(NO_CYCLE)
    for table, child, parent, name in TREES:
        op.execute(
            f"CREATE TRIGGER refuse_cycle BEFORE INSERT OR UPDATE OF {parent} ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION sims_refuse_cycle('{child}', '{parent}', '{name}')"
        )
    op.execute(CLOSED)
    for table, (column, join) in IN_PERIODS.items():
        refuse_closed(table, column, join)


def downgrade() -> None:
    revoke(PERMISSIONS)
    for table in IN_PERIODS:
        accept_closed(table)
    op.execute("DROP FUNCTION sims_refuse_closed()")
    for table, *_ in TREES:
        op.execute(f"DROP TRIGGER refuse_cycle ON {table}")
    op.execute("DROP FUNCTION sims_refuse_cycle()")
    for table in COUNTED:
        stop_counting(table)
