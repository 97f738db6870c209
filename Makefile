# The few commands of this project. Everything that they need besides Rust, Go, Python 3 and make they obtain themselves, once.
# What is built is kept outside the tree.
export CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/wharfinger/target

# The Python that has botocore, whose service models the schemas of the CRDs are generated from.
MOTO_PYTHON = "$$(dirname "$$(readlink -f "$$(hack/parts/build)/moto_server")")/python"
RUN = hack/parts/run $(if $(filter-out 0,$(KEEP)),--keep) --

.DEFAULT_GOAL := help
.PHONY: help
help: ## what can be done here
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: tools ## the whole job in front of your eyes, on real parts (KEEP=1 leaves it running)
	cargo build --locked
	@$(RUN) hack/demo

.PHONY: test
test: check docs ## all that CI runs: formatting, lints, generated files, the site, every test
	$(RUN) cargo test --locked --workspace

.PHONY: soak
soak: check docs ## the same with every repetition and fault: takes long
	WHARFINGER_SOAK=1 $(RUN) cargo test --locked --workspace

.PHONY: check
check: tools ## formatting, lints and generated files only; builds the tests
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	$(MOTO_PYTHON) -B hack/generate-schema.py --check
	cargo test --locked --workspace --no-run

.PHONY: bench
bench: tools ## measure AWS calls, time to Ready, memory and re-plans with a release build; writes bench.json (GIT=1: from Git, too)
	$(if $(filter-out 0,$(GIT)),@hack/parts/build git >/dev/null)
	cargo build --locked --release
	cargo bench --locked --bench replan --no-run
	@GIT=$(GIT) $(RUN) hack/bench

.PHONY: image
image: tools ## the container image as an OCI layout, without Docker (docs/image.md)
	@hack/image

.PHONY: docs
docs: tools ## the documentation site, from docs/
	@"$$(hack/parts/build docs)/mdbook" build --dest-dir "$(CARGO_TARGET_DIR)/docs"
	@echo "open $(CARGO_TARGET_DIR)/docs/index.html"

.PHONY: e2e-node
e2e-node: tools ## the chart and the image on a real node: two replicas, the leader killed (root; says so where it cannot run)
	@hack/e2e-node

.PHONY: e2e-git
e2e-git: ## driven from Git by the real Argo CD and Flux (their builds take a quarter of an hour, once)
	@hack/parts/build git >/dev/null
	cargo build --locked
	cargo test --locked --test it --no-run
	@$(RUN) hack/e2e-git
	$(RUN) cargo test --locked --test it health::argocd -- --ignored

.PHONY: generate
generate: tools ## generate the schemas of spec.ecs and spec.batch, the CRDs, docs/reasons.md, and the reference pages
	$(MOTO_PYTHON) -B hack/generate-schema.py
	$(MAKE) --no-print-directory crds reasons reference

.PHONY: reasons
reasons: ## write docs/reasons.md from the table in src/status/explanation.rs
	cargo run --locked --quiet -- explain -o markdown > docs/reasons.md.new
	mv docs/reasons.md.new docs/reasons.md

.PHONY: crds
crds: ## write crds/*.yaml, and the chart's copies, from the Rust types
	cargo run --locked --quiet -- crds --write crds
	cp crds/*.yaml charts/wharfinger/files/crds/

.PHONY: reference
reference: ## write docs/reference from the CRDs, the command line and the alerts
	UPDATE_GOLDEN=1 cargo test --locked --quiet --test it docs::generated

.PHONY: chart
chart: tools ## the chart's tests, with both Helms and on the real API server
	$(RUN) cargo test --locked --test it chart::

.PHONY: run
run: ## the controller against the current kubeconfig and AWS_* environment
	cargo run --locked -- controller

.PHONY: tools
tools: ## obtain the real parts: kube-apiserver, kubectl, etcd, moto, a registry with crane, Helm (minutes the first time, then none)
	@hack/parts/build >/dev/null

.PHONY: clean
clean: ## remove what cargo built (the parts stay: they are under ~/.cache/wharfinger)
	cargo clean
