#!/usr/bin/env bash
# Runs every fuzz target for SECONDS_EACH, from its seeds, with the words of its language if it has one (fuzz/dictionaries).
# The bodies of the targets also run as tests on stable (fuzz/bodies), whose example `seeds` writes the seeds that are no text.
set -euo pipefail
cd "$(dirname "$0")/../fuzz"
command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz
for target in $(cargo +nightly fuzz list); do
  # Whoever has no seeds of its own reads manifests.
  seeds=seeds/$target
  [ "$target" != posture ] || seeds=../crates/checks/fixtures
  [ -d "$seeds" ] || seeds=../examples/shop
  words=()
  [ ! -f "dictionaries/$target.dict" ] || words=(-dict="dictionaries/$target.dict")
  mkdir -p "corpus/$target"
  cargo +nightly fuzz run "$target" "corpus/$target" "$seeds" -- -max_total_time="${SECONDS_EACH:-60}" -timeout=10 -max_len=65536 -rss_limit_mb=2048 "${words[@]}"
done
