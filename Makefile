# Every target does its own set-up; `make` alone lists them.
.DEFAULT_GOAL := help
export CGO_ENABLED ?= 1
FUZZTIME ?= 60s

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-10s %s\n", $$1, $$2}'

.PHONY: build
build: ## build ./tollgate, static
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o tollgate ./cmd/tollgate

.PHONY: demo
demo: ## show the whole story
	go run ./cmd/tollgate demo

.PHONY: parts
parts: ## install what the tests need and this machine lacks: a C compiler, Postgres, PgBouncer, Chromium, Prometheus (root, apt-get)
	@missing=; \
	has() { command -v "$$1" >/dev/null || ls $$2 >/dev/null 2>&1; }; \
	has gcc || missing="$$missing gcc libc6-dev"; \
	has initdb '/usr/lib/postgresql/*/bin/initdb' || missing="$$missing postgresql-15"; \
	has pgbouncer /usr/sbin/pgbouncer || missing="$$missing pgbouncer"; \
	has chromium /usr/bin/chromium || missing="$$missing chromium"; \
	has prometheus || missing="$$missing prometheus"; \
	[ -z "$$missing" ] || [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null || \
	  { apt-get update -q && apt-get install -y -q --no-install-recommends $$missing; }

.PHONY: jaeger
jaeger: ## build the Jaeger that the tests look at traces in, unless it is there (the first time takes some five minutes)
	CI=true go test -count=1 -timeout 15m -run '^TestJaegerIsThere$$' ./deploy/deploytest

.PHONY: test
test: parts jaeger ## run all tests with the race detector, and real SDKs (Node 20 or newer; the first time takes minutes)
	go test -race -timeout 40m ./...
	cd examples/clients && go test -count=1 -timeout 20m ./...

.PHONY: check
check: ## formatting, vet, staticcheck, tidy modules
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo "run gofmt on these"; exit 1; }
	go vet ./...
	go tool staticcheck ./...
	go mod tidy -diff
	cd examples/clients && go mod tidy -diff

.PHONY: bench
bench: ## the gateway beside a bare httputil.ReverseProxy: ratios (about 3 minutes)
	go run ./cmd/tollgate-bench

.PHONY: scale
scale: ## the shared store with ten million events: reads, a month's end, settled events a second (about 8 minutes, 7 GB in /tmp)
	go run ./cmd/tollgate-bench scale

.PHONY: dashboard
dashboard: ## build admin/dashboard/built from its sources (Node 20 or newer)
	cd admin/dashboard && npm ci --ignore-scripts --no-audit --no-fund && npm run build

.PHONY: picture
picture: build ## the README's picture, from the demo: docs/token-view-light.png and -dark.png (Node and Chromium)
	cd admin/dashboard && npm ci --ignore-scripts --no-audit --no-fund && node picture.mjs ../../tollgate ../../docs

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME (60s)
	@set -e; grep -rlE '^func Fuzz' --include='*_test.go' . | while read -r file; do \
	  for target in $$(grep -oE '^func Fuzz[A-Za-z0-9_]+' $$file | cut -c6-); do \
	    echo "== $$(dirname $$file) $$target"; \
	    go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$(dirname $$file); \
	  done; done

.PHONY: pgo
pgo: ## profile the gateway under load, for the compiler: cmd/tollgate/default.pgo
	go run ./cmd/tollgate-bench -profile cmd/tollgate/default.pgo

.PHONY: faults
faults: parts ## every fault test, with 20,000 power losses and 200 kills; writes docs/faults.md (about 25 minutes on two cores)
	go run ./cmd/tollgate-faults
