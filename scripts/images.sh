#!/bin/sh
# Builds one image for each services/*/Dockerfile, named sims-<folder>:<tag>, and prints their sizes.
# BUILD_FLAGS goes to `docker build`. By default the build shares this machine's network, so that
# package indexes and proxies on loopback or in a VPN are reached as the shell reaches them.
set -eu
cd "$(dirname -- "$0")/.."
tag=${1:-dev}
flags=${BUILD_FLAGS:---network host}

sha=$(git rev-parse HEAD 2>/dev/null || true)
created=$(git show -s --format=%cI HEAD 2>/dev/null || true)
if [ -n "$sha" ] && [ -n "$(git status --porcelain -- packages services pyproject.toml uv.lock)" ]; then
  sha=$sha-dirty
fi
for name in PIP_INDEX_URL UV_DEFAULT_INDEX PYTHON_IMAGE; do
  if [ -n "$(printenv "$name" || true)" ]; then
    flags="$flags --build-arg $name" # the value comes from the environment
  fi
done

for dockerfile in services/*/Dockerfile; do
  service=$(basename "$(dirname "$dockerfile")")
  # shellcheck disable=SC2086 # flags are words
  DOCKER_BUILDKIT=1 docker build --quiet $flags --file "$dockerfile" --tag "sims-$service:$tag" \
    --build-arg VERSION="${VERSION:-}" --build-arg GIT_SHA="$sha" --build-arg CREATED="$created" . >/dev/null
  docker image inspect --format '{{index .RepoTags 0}} {{.Size}}' "sims-$service:$tag" |
    awk '{printf "%-24s %4.0f MB\n", $1, $2 / 1e6}'
done
