#!/bin/sh
# Makes .venv as the lock file says, and explains what is missing when that fails.
set -eu
cd "$(dirname -- "$0")/.."
uv=scripts/uv.sh
wanted='>=3.11,<3.14'

if ! $uv python find --no-project "$wanted" >/dev/null 2>&1; then
  $uv --version >/dev/null # fails with its own message when it is uv that is missing
  echo "SIMS needs Python 3.11, 3.12 or 3.13; this machine has:" >&2
  $uv python list --only-installed >&2 || true
  echo "Install one of them, for example: apt-get install python3.11" >&2
  exit 1
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
if $uv sync --locked --quiet 2>"$log"; then
  exit 0
fi
cat "$log" >&2
echo >&2
if grep -qiE 'dns|connect|timed out|network|fetch|certificate' "$log"; then
  echo "The packages could not be fetched. Check the network; behind a proxy set HTTPS_PROXY," >&2
  echo "with a package index of your own UV_DEFAULT_INDEX." >&2
elif grep -qiE 'no.*wheel|failed to build|compatible tags|gcc|compiler' "$log"; then
  echo "A package has no ready-made file for this platform. SIMS runs on Linux (x86_64, aarch64)" >&2
  echo "and macOS with Python 3.11 to 3.13; elsewhere a C compiler may help:" >&2
  echo "  apt-get install build-essential python3-dev" >&2
elif grep -qiE 'no space|disk' "$log"; then
  echo "The disk is full. SIMS needs about 1 GB for its packages." >&2
elif grep -qiE 'lockfile' "$log"; then
  echo "uv.lock does not fit pyproject.toml: run scripts/uv.sh lock, and commit the result." >&2
fi
exit 1
