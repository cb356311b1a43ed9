-- A database with a little of everything that a dump must carry.
CREATE EXTENSION citext;
CREATE SCHEMA "Exam Cell";
CREATE TABLE alembic_version (version_num text PRIMARY KEY);
INSERT INTO alembic_version VALUES ('0007');
CREATE TABLE student (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL CHECK (name <> ''),
  upper_name text GENERATED ALWAYS AS (upper(name)) STORED,
  photo text, photo_sha256 text);
CREATE INDEX student_name ON student (upper_name);
CREATE TABLE "Exam Cell"."Results ""2026"" ü" (
  id bigserial PRIMARY KEY, "student id" integer NOT NULL REFERENCES student,
  mark numeric(5, 2), note text, status text NOT NULL DEFAULT 'draft');
CREATE TABLE attendance (
  student_id integer NOT NULL REFERENCES student, day date NOT NULL, code char(1),
  PRIMARY KEY (day, student_id)) PARTITION BY RANGE (day);
CREATE TABLE attendance_2026 PARTITION OF attendance FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE attendance_rest PARTITION OF attendance DEFAULT;
CREATE VIEW published AS SELECT * FROM "Exam Cell"."Results ""2026"" ü" WHERE status = 'published';
CREATE FUNCTION mean() RETURNS numeric LANGUAGE SQL
  BEGIN ATOMIC SELECT avg(mark) FROM "Exam Cell"."Results ""2026"" ü"; END;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note := coalesce(NEW.note, 'x;y'); RETURN NEW; END $$;
CREATE TRIGGER touch BEFORE UPDATE ON "Exam Cell"."Results ""2026"" ü" FOR EACH ROW EXECUTE FUNCTION touch();
INSERT INTO student (name) SELECT 'Zoë ' || n || E'\t\n\\' FROM generate_series(1, {students}) n;
INSERT INTO "Exam Cell"."Results ""2026"" ü" ("student id", mark, note, status)
  SELECT id, id % 101, repeat(md5(id::text), 3), CASE WHEN id % 2 = 0 THEN 'published' ELSE 'draft' END FROM student;
INSERT INTO attendance SELECT id, date '2026-01-01' + id % 700, 'P' FROM student;
SELECT setval('"Exam Cell"."Results ""2026"" ü_id_seq"', 90000);
SELECT lo_from_bytea(0, decode(repeat('00ff', 5000), 'hex')), lo_from_bytea(0, 'zwei');
COMMENT ON TABLE student IS 'one row a student';
GRANT SELECT ON student TO sims_reader;
REVOKE CONNECT ON DATABASE {database} FROM PUBLIC;
GRANT CONNECT ON DATABASE {database} TO sims_reader;
ALTER DATABASE {database} SET work_mem = '7MB';
