# `make demo` shows what it does, `make test` proves it. Both do their own set-up.

CARGO ?= cargo

.PHONY: help setup demo test lint check gen bench fuzz

help:
	@echo "make demo   build, scan examples/shop, write plimsoll-report.html"
	@echo "make test   set up and run every test"
	@echo "make gen    write the generated docs and schemas"
	@echo "make bench  measure the release binary and the engines"
	@echo "make fuzz   run every fuzz target for SECONDS_EACH (default 60) seconds; needs a nightly toolchain"

setup:
	@bash scripts/setup.sh

demo: setup
	$(CARGO) build --locked --release --package plimsoll
	@# Findings are what the demo is about, so status 1 is right; 2 would be an error.
	target/release/plimsoll scan examples/shop -o text -o html=plimsoll-report.html || [ $$? -eq 1 ]
	@echo "The same as a page: plimsoll-report.html"
	@echo
	@echo "Who gets from a pipeline's rights to the nodes, and how:"
	target/release/plimsoll access paths --from sa:ci/pipeline --to node examples/access/rbac.yaml || [ $$? -eq 1 ]
	@echo
	@echo "What the audit log of that cluster shows:"
	target/release/plimsoll detect examples/access/audit.jsonl || [ $$? -eq 1 ]

test: setup lint
	@bash scripts/test.sh

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets --quiet -- -D warnings

gen:
	$(CARGO) xtask gen

bench:
	$(CARGO) xtask bench
	$(CARGO) bench --locked --workspace

fuzz:
	@bash scripts/fuzz.sh
