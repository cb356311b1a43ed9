#!/bin/sh
# Inside `docker build`: installs workspace packages into a venv for /app, as the lock file says,
# and leaves it below /image/app. Builds of one commit give equal bytes: bytecode is checked by no
# time stamp, uv's own notes about times go, and every file has the time SOURCE_DATE_EPOCH.
set -eu

for package in "$@"; do
  set -- "$@" --package "$package"
  shift
done
export UV_PROJECT_ENVIRONMENT=/app UV_PYTHON=/usr/local/bin/python UV_PYTHON_DOWNLOADS=never
export UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 PYC_INVALIDATION_MODE=UNCHECKED_HASH
uv sync --frozen --no-dev --no-editable "$@"

find /app -name uv_cache.json -delete
find /app -name RECORD -exec sed -i '/uv_cache\.json/d' {} +
cp LICENSE /app/
mkdir /image
mv /app /image/app
find /image -exec touch --no-dereference --date "@${SOURCE_DATE_EPOCH:-0}" {} +
