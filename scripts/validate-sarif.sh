#!/usr/bin/env bash
# Validates SARIF of the given binary against the official 2.1.0 schema, which is taken from a published package.
set -euo pipefail
cd "$(dirname "$0")/.."
binary=$1
tools=target/sarif
mkdir -p "$tools"

if ! command -v npm >/dev/null || ! command -v python3 >/dev/null; then
  echo "left out: npm and python3 are needed to get the schema and to validate" >&2
  exit 0
fi
if [ ! -e "$tools/package/lib/schemas/sarif-2.1.0-rtm.5.json" ]; then
  (cd "$tools" && npm pack --silent @microsoft/jest-sarif@1.0.0-beta.0 >/dev/null && tar xzf microsoft-jest-sarif-*.tgz)
fi
if [ ! -x "$tools/venv/bin/python" ]; then
  python3 -m venv "$tools/venv"
fi
"$tools/venv/bin/python" -c 'import jsonschema' 2>/dev/null || "$tools/venv/bin/pip" install --quiet 'jsonschema>=4,<5'

# Findings, exceptions, problems with and without a place, an empty report.
cases=$(mktemp -d)
trap 'rm -rf "$cases"' EXIT
printf 'a: [\n' > "$cases/broken.yaml"
printf '\xff\xfe' > "$cases/binary.yaml"
mkdir "$cases/empty"
for target in examples/shop "$cases" "$cases/empty"; do
  status=0
  "$binary" scan "$target" -o sarif --output-file "$cases/out.sarif" 2>/dev/null || status=$?
  [ "$status" -le 2 ] || { echo "plimsoll scan $target ended with $status" >&2; exit 1; }
  "$tools/venv/bin/python" - "$tools/package/lib/schemas/sarif-2.1.0-rtm.5.json" "$cases/out.sarif" <<'PYTHON'
import json, sys
from jsonschema.validators import validator_for
schema, document = (json.load(open(path)) for path in sys.argv[1:])
errors = list(validator_for(schema)(schema).iter_errors(document))
for error in errors[:10]:
    print(f"{error.json_path}: {error.message[:300]}", file=sys.stderr)
sys.exit(bool(errors))
PYTHON
  rm "$cases/out.sarif"
done
echo "valid"
