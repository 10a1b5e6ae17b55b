#!/usr/bin/env bash
# Runs every fuzz target for SECONDS each. The bodies of the targets also run as tests on stable (fuzz/src/lib.rs).
set -euo pipefail
cd "$(dirname "$0")/../fuzz"
command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz
for target in $(cargo +nightly fuzz list); do
  cargo +nightly fuzz run "$target" -- -max_total_time="${SECONDS_EACH:-60}" -timeout=10 -max_len=65536
done
