#!/bin/sh
# Says by veraPDF whether PDF files are PDF/A-2a and PDF/UA-1. Needs a JDK and Maven, which
# fetches veraPDF once.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
library=${VERAPDF_LIBRARY:-$here/../.venv/verapdf-1.28.2}
if [ ! -d "$library" ]; then
  mvn -q -B -f "$here/verapdf/pom.xml" dependency:copy-dependencies -DoutputDirectory="$library.part" >&2
  mv "$library.part" "$library"
fi
exec java -cp "$library/*" "$here/verapdf/Validate.java" "$@"
