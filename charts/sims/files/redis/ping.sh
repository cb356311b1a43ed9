# shellcheck shell=sh
set -eu
REDISCLI_AUTH=$(cat /run/secrets/redis/password)
export REDISCLI_AUTH
[ "$("$(command -v valkey-cli || command -v redis-cli)" ping)" = PONG ]
