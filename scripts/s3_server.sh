#!/bin/sh
# Runs a command; without versitygw the S3 tests are skipped, and that is said first.
set -eu
if ! command -v "${SIMS_TEST_VERSITYGW:-versitygw}" >/dev/null; then
  echo "versitygw is not here, so the S3 tests are skipped. To run them:" >&2
  echo "  go install github.com/versity/versitygw/cmd/versitygw@v1.8.0" >&2
  export SIMS_TEST_WITHOUT_S3=1
fi
exec "$@"
