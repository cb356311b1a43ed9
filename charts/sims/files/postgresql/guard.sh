# shellcheck shell=sh
# Refuses a data directory of another major version before the server touches it.
set -eu
server=$(postgres --version | sed -E 's/[^0-9]*([0-9]+).*/\1/')
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  echo "No data yet: PostgreSQL $server will make them."
  exit 0
fi
data=$(cat "$PGDATA/PG_VERSION")
if [ "$data" = "$server" ]; then
  echo "Data and server are of PostgreSQL $server."
  exit 0
fi
echo "The data were written by PostgreSQL $data, the image is PostgreSQL $server." \
  "Nothing was changed. Set postgresql.embedded.image.tag back to \"$data\"; to move to $server," \
  "take a backup with that one, install with a new volume and restore it there."
exit 1
