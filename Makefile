# make run   the demo city on this machine: https://localhost:8443/
# make test  everything that must hold; what CI runs
# make properties, make fuzz   the search for what nobody has thought of (docs/fuzzing.md)

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

DATA ?= data

.PHONY: run build editor test check-format check-lints check-dependencies test-rust test-editor screenshots clean

run: build
	./target/release/yagura up --data $(DATA)

build: editor
	scripts/packages build
	cargo build --release --locked

# The staff's editor, embedded in the binary.
editor: editor/dist/.built

editor/dist/.built: editor/package-lock.json $(wildcard editor/*.js editor/*.mjs editor/src/*)
	cd editor && npm ci --no-audit --no-fund --loglevel=error && npm run build --silent
	touch $@

test: packages editor check-format check-lints test-rust test-editor check-dependencies
	@echo "everything holds"

.PHONY: packages
packages:
	scripts/packages build
	scripts/packages test

check-format:
	cargo fmt --all --check

check-lints: editor
	cargo clippy --workspace --all-targets --locked --quiet -- -D warnings

test-rust: editor tests/browser/node_modules/.installed tests/cache-suite/node_modules/.installed
	cargo test --workspace --locked --quiet -- --skip cache_suite
	cargo test --locked --quiet --test scenarios cache_suite # waits for whole seconds to pass: alone

test-editor: editor
	cd editor && npm test --silent

tests/%/node_modules/.installed: tests/%/package-lock.json
	cd tests/$* && npm ci --no-audit --no-fund --loglevel=error
	touch $@

# Licences, duplicates and sources. The database of advisories lies outside the package
# registries, and is asked where there is a network to it: `scripts/cargo-deny check advisories`.
check-dependencies:
	scripts/cargo-deny --all-features check --hide-inclusion-graph bans licenses sources

# Every property with many cases and a seed of its own, which is told; `make test` takes the one of
# .cargo/config.toml. CASES=50000 takes hours.
CASES ?= 5000
.PHONY: properties
properties: editor
	export PROPTEST_RNG_SEED=$${SEED:-$$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')} PROPTEST_CASES=$(CASES); \
	export PROPTEST_MAX_GLOBAL_REJECTS=$$((PROPTEST_CASES * 100)); \
	echo "SEED=$$PROPTEST_RNG_SEED"; \
	cargo test --workspace --locked --quiet --lib --bins; \
	cargo test --locked --quiet --package yagura-config --tests

# Each fuzz target, or those named by TARGETS, for so many seconds. New inputs are kept in fuzz/found,
# what fails in fuzz/artifacts. Without the sanitizer of addresses, which safe code can do without,
# stable Rust does.
SECONDS_EACH ?= 60
TARGETS ?= $(basename $(notdir $(wildcard fuzz/targets/*.rs)))
FUZZ := ../scripts/cargo-fuzz
FUZZ_HOW := --fuzz-dir . --sanitizer none --no-cfg-fuzzing --target-dir ../target/fuzz
.PHONY: fuzz
fuzz: editor
	cd fuzz && $(FUZZ) build $(FUZZ_HOW)
	cd fuzz && for target in $(TARGETS); do \
	  echo "== $$target"; \
	  mkdir -p found/$$target; \
	  $(FUZZ) run $(FUZZ_HOW) $$target found/$$target corpus/$$target -- \
	    -max_total_time=$(SECONDS_EACH) -timeout=5 -rss_limit_mb=2048 -max_len=20000 -verbosity=0 -print_final_stats=1; \
	done

# Takes the pictures of the README anew.
screenshots: packages editor tests/browser/node_modules/.installed
	SCREENSHOTS=$(CURDIR)/docs/screenshots cargo test --locked --quiet --test scenarios browser

clean:
	cargo clean
	rm -rf editor/dist editor/node_modules tests/*/node_modules
