# make help lists the targets.
.DEFAULT_GOAL := help
GO ?= go
export CGO_ENABLED = 0
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
BIN := build/dbtap

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

build: $(BIN) ## build build/dbtap
$(BIN): FORCE
	@$(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o $@ ./cmd/dbtap
FORCE:

run: $(BIN) ## build dbtap and run its demo, which needs nothing
	@$(BIN) demo

test: tools ## all tests; installs tshark where it can, and says what it skips
	@scripts/test ./...
	@echo 'again, with lent memory overwritten after its loan:'
	@scripts/test -tags poison ./internal/...

live: ## compare with real servers and drivers, recorded now (root, Debian; 2 minutes the first time)
	@scripts/live

race: ## tests with the race detector (needs a C compiler)
	CGO_ENABLED=1 $(GO) test -race -short ./...

oracle: ## compare what sqltext reads with three other readers of SQL (one of them needs a C compiler)
	@scripts/tools gcc
	cd sqloracle && CGO_ENABLED=$$(command -v gcc >/dev/null && echo 1 || echo 0) $(GO) test ./...

check: lint stale wasip1 test oracle live ## all that CI checks

lint: ## formatting, vet, staticcheck, depguard
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo 'run make fmt'; exit 1; }
	$(GO) vet ./...
	$(GO) tool -modfile=tools/go.mod staticcheck ./...
	$(GO) tool -modfile=tools/go.mod depguard ./...
	@for m in captures/*/go.mod; do (cd $${m%go.mod} && $(GO) vet ./...) || exit; done

fmt: ## format the code
	gofmt -w .

PORTABLE := $(addprefix ./internal/,capture stream wire record inflate sqltext packet l7 filter assembly output protocol/...)
wasip1: ## the floors below the protocols, and the protocols, build for WebAssembly
	GOOS=wasip1 GOARCH=wasm $(GO) build $(PORTABLE)

gen: ## generate the reference pages
	$(GO) run ./cmd/reference

stale: ## fail if a generated page is stale
	$(GO) run ./cmd/reference -check

golden: ## write the golden files anew; read the difference before you commit it
	$(GO) test ./... -update

FUZZTIME ?= 60s
fuzz: ## run every fuzz target for FUZZTIME (60s)
	@./scripts/fuzz $(FUZZTIME)

bench: ## measure packets, bytes and exchanges a second of processor time
	$(GO) run ./internal/bench

captures: ## record the captures of real traffic anew (root, Debian); NAME=mongodb/crud... for some
	captures/run.sh $(NAME)

tools:
	@scripts/tools tshark jq

.PHONY: help build run test oracle live race check lint fmt wasip1 gen stale golden fuzz bench captures tools FORCE
