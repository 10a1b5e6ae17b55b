#!/usr/bin/env bash
# Installs what the tests need beside a Rust toolchain and a C compiler. Says nothing when there is nothing to do.
set -euo pipefail

have() { command -v "$1" >/dev/null 2>&1; }

have cargo || { echo "setup: cargo is missing; install a Rust toolchain (https://rustup.rs)" >&2; exit 1; }
have cc || have gcc || { echo "setup: a C compiler is missing; install gcc or clang" >&2; exit 1; }

# Python with venv and npm validate the SARIF output against the official schema. Where they are missing and cannot be
# installed, scripts/test.sh says that this check was left out.
wanted=()
have python3 && python3 -c 'import ensurepip' 2>/dev/null || wanted+=(python3-venv)
have npm || wanted+=(npm)
if [ "${#wanted[@]}" -gt 0 ] && have apt-get && [ "$(id -u)" = 0 ]; then
  echo "setup: installing ${wanted[*]}"
  (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${wanted[@]}") >/dev/null 2>&1 \
    || echo "setup: ${wanted[*]} could not be installed" >&2
fi
