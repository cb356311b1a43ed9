# shellcheck shell=sh
# Run once by the image's entrypoint, on an empty data directory: the role and database of SIMS.
# The password is read by psql itself, so that it is in no argument.
psql --set ON_ERROR_STOP=1 --username postgres --dbname postgres <<'SQL'
\set password `cat /run/secrets/postgresql/password`
CREATE ROLE sims LOGIN PASSWORD :'password';
CREATE DATABASE sims OWNER sims ENCODING 'UTF8' TEMPLATE template0;
REVOKE CONNECT ON DATABASE sims FROM PUBLIC;
SQL
