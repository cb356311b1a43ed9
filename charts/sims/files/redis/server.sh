# shellcheck shell=sh
# The password comes from a file, so that it is in no argument; Valkey reads it from memory.
set -eu
umask 077
printf 'requirepass %s\n' "$(cat /run/secrets/redis/password)" >/run/redis/password.conf
exec "$(command -v valkey-server || command -v redis-server)" /etc/sims/server.conf
