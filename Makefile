# Everything that people do with this repository is a target here; `make` alone
# prints them.

export CGO_ENABLED := 0
export GOFLAGS := $(GOFLAGS) -trimpath -buildvcs=false

version := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
commit  := $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
date    := $(shell TZ=UTC git log -1 --date=format-local:%Y-%m-%dT%H:%M:%SZ --format=%cd 2>/dev/null || echo unknown)
ldflags := -s -w -X main.version=$(version) -X main.commit=$(commit) -X main.date=$(date)

.DEFAULT_GOAL := help

.PHONY: help
help: ## Print the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: build
build: ## Build bin/kubectl-iris
	go build -ldflags '$(ldflags)' -o bin/kubectl-iris ./cmd/kubectl-iris

bindir ?= $(shell go env GOPATH)/bin

.PHONY: install
install: build ## Put the plugin and its completion into bindir (by default GOPATH/bin), which has to be on the PATH
	@mkdir -p $(bindir)
	install -m 0755 bin/kubectl-iris $(bindir)/kubectl-iris
	$(bindir)/kubectl-iris completion kubectl --install=$(bindir)

.PHONY: release
release: ## Build a release into dist/: make release VERSION=v1.2.3
	@cd release && go run ./cmd/release -root .. -version '$(VERSION)'

.PHONY: manifests
manifests: release ## Build a release, and take its manifests over: make manifests VERSION=v1.2.3
	@mkdir -p plugins
	cp dist/iris.yaml plugins/iris.yaml
	cp dist/krew-manifest.yaml krew-manifest.yaml

# The modules with code of this repository; the others in test/tools only pin
# tools. What is in test starts a Kubernetes, and does not compile on Windows.
modules := $(patsubst %/go.mod,%,$(wildcard ./go.mod release/go.mod test/go.mod test/tools/images/go.mod))
ifeq ($(OS),Windows_NT)
modules := $(filter-out test,$(modules))
endif

# The version of Kubernetes that tests and demo run on, if not the pinned one.
KUBERNETES ?=
export KUBECTL_IRIS_KUBERNETES_VERSION := $(KUBERNETES)

.PHONY: check
check: lint unit tidy ## Lint, and run the unit and golden tests: a verdict in two minutes

.PHONY: unit
unit: ## Run the tests that need no Kubernetes, and compare the generated pages
	go test ./...
	@# go test does not see that files outside of its module changed: nothing is cached.
	cd release && go test -count 1 ./...
	cd test && go test -count 1 ./docs/... ./mutants ./repository

.PHONY: tidy
tidy: ## Report the go.mod and go.sum files that go mod tidy would change
	@for mod in $$(git ls-files '*go.mod'); do \
		(cd "$$(dirname "$$mod")" && go mod tidy -diff) || { echo "$$mod: run go mod tidy there"; exit 1; }; \
	done

.PHONY: kubernetes
kubernetes: ## Build the local Kubernetes, once per version (minutes; make test and make demo do it themselves)
	@cd test && go run ./localkube/cmd/localkube build

.PHONY: test
test: unit kubernetes ## Run all tests of make unit, and those on a local Kubernetes: make test KUBERNETES=1.34.4
	cd test && go test -timeout 15m ./...

.PHONY: race
race: ## Run the unit tests with the race detector (cgo: needs a C compiler)
	CGO_ENABLED=1 go test -race -timeout 15m ./pkg/...

.PHONY: mutants
mutants: ## See what mutants of the code the unit tests miss: make mutants PKG=pkg/text (all take hours)
	@cd test && go run ./mutants $(PKG)

.PHONY: e2e
e2e: ## Run the end-to-end tests on a real node (Linux, root)
	@cd test && go run ./localkube/cmd/localkube build --node
	cd test/tools/images && go test ./...
	cd test && go test -p 1 -tags e2e -count 1 -timeout 20m ./e2e ./localkube

.PHONY: krew-test
krew-test: kubernetes ## Build a release, and have the real krew install it
	cd test && go test -tags krew -count 1 -timeout 40m ./krew

.PHONY: demo
demo: build kubernetes ## Show the main job on a local Kubernetes, and leave it up
	@cd test && go build -o ../bin/demo ./demo
	@bin/demo run

.PHONY: demo-stop
demo-stop: ## End what make demo left up
	@cd test && go build -o ../bin/demo ./demo
	@bin/demo stop

.PHONY: lint
lint: ## Check style and correctness
	@for module in $(modules); do \
		(set -x; cd $$module && go tool -modfile='$(CURDIR)/test/tools/lint/go.mod' golangci-lint run) || exit; \
	done

.PHONY: vulncheck
vulncheck: ## Look for known vulnerabilities in what the binary calls (asks vuln.go.dev)
	go tool -modfile=test/tools/lint/go.mod govulncheck ./cmd/kubectl-iris

.PHONY: format
format: ## Format the code as make lint wants it
	@for module in $(modules); do \
		(set -x; cd $$module && go tool -modfile='$(CURDIR)/test/tools/lint/go.mod' golangci-lint fmt) || exit; \
	done

.PHONY: docs
docs: ## Write the generated pages and the picture of docs/
	cd test && go run ./docs/output > ../docs/output.md.new && mv ../docs/output.md.new ../docs/output.md
	cd test && go run ./docs/findings > ../docs/findings.md.new && mv ../docs/findings.md.new ../docs/findings.md
	cd release && go run ./reference -markdown ../docs/reference
	cd test && go run ./docs/picture | go tool -modfile=tools/pictures/go.mod freeze \
		--config base --language ansi --wrap 148 --window --padding 20 --border.radius 8 \
		--font.family 'ui-monospace,SFMono-Regular,Menlo,Consolas,monospace' --output ../docs/status.svg

.PHONY: bench
bench: build kubernetes ## Measure the plugin beside kubectl, at 1,000 clusters; prints ratios
	@cd test && go build -o ../bin/bench ./bench
	@cd test && go build -ldflags '-s -w' -o ../bin/bare ./bench/bare
	@bin/bench
	@cd test && go run ./bench/startup -plugin ../bin/kubectl-iris -bare ../bin/bare
