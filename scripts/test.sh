#!/usr/bin/env bash
# Every test, in the order in which a failure is cheapest to learn of.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$1"; }

step "generated files"
cargo xtask gen --check
step "invariants"
cargo xtask tidy
step "SARIF against its schema"
cargo build --locked --quiet --package plimsoll
bash scripts/validate-sarif.sh target/debug/plimsoll
if command -v cargo-deny >/dev/null 2>&1; then
  step "dependencies"
  cargo deny --log-level error check
fi
step "conformance"
cargo xtask conformance
step "tests"
if command -v cargo-nextest >/dev/null 2>&1; then
  cargo nextest run --locked --workspace
else
  cargo test --locked --workspace
fi
