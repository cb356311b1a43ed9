#!/bin/sh
# Runs uv: the one on PATH, else a private one in .uv/, installed now if need be.
# It uses a Python that is on the machine and never downloads one.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
oldest=0.9 # reads this lock file
export UV_PYTHON_DOWNLOADS=never

recent() {
  version=$("$1" --version 2>/dev/null | cut -d' ' -f2) || return 1
  [ -n "$version" ] && [ "$(printf '%s\n%s\n' "$oldest" "$version" | sort -V | head -n 1)" = "$oldest" ]
}

install_private() {
  for python in python3.13 python3.12 python3.11 python3; do
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null || continue
    echo "uv is missing; installing it into .uv/ with $python" >&2
    rm -rf "$root/.uv"
    # A venv of its own; where Python comes without venv, pip into a folder of its own.
    # Neither touches the system's packages, so an "externally managed" Python is fine.
    if { "$python" -m venv "$root/.uv" && "$root/.uv/bin/pip" install --quiet uv; } >&2 ||
      { rm -rf "$root/.uv" && "$python" -m pip install --quiet --target "$root/.uv" uv >&2; }; then
      printf '*\n' >"$root/.uv/.gitignore"
      return 0
    fi
    rm -rf "$root/.uv"
  done
  cat >&2 <<'END'
uv could not be installed. One of these helps:
  - no Python 3 here: install Python 3.11, 3.12 or 3.13
  - Python without venv and pip (Debian, Ubuntu): apt-get install python3-venv python3-pip
  - no network: set PIP_INDEX_URL to a package index that this machine reaches, or HTTPS_PROXY
  - or install uv yourself: https://docs.astral.sh/uv/
END
  return 1
}

if recent uv; then
  exec uv "$@"
fi
recent "$root/.uv/bin/uv" || install_private
exec "$root/.uv/bin/uv" "$@"
