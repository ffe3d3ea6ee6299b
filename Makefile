# SPDX-License-Identifier: GPL-2.0
# The only entry point; "make" alone says what there is.

build	:= build
samples	:= samples/bpf/cgroup_sock
tool	:= tools/bpf/cgsock
logs	:= $(build)/log
step	= @scripts/step $(logs)/$@.log
# PEER=FILE is one more kernel to compare with.
peer	:= $(if $(PEER),$(or $(wildcard $(PEER)),$(error PEER=$(PEER): there is no such file)))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
.NOTPARALLEL:

help: ## this list
	@echo "As root on Debian 12:"
	@sed -nE 's/^([a-z0-9-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 20

demo: ours tools ## boot a VM and see cgsock at work, 30 s once built
	@demo/demo.sh $(build)

check: $(if $(T),check-ours,lint check-ours check-pages check-tools check-demo check-ipv6-module check-off check-control check-summary) ## prove all of it; T=NAME runs one test on our kernel

compat: kernels compare ## ask two kernels the same questions and compare the answers: mainline's or base, and ours
	@compare/compat.sh $(build)

peer: packages ## build/peer/bzImage: the newest mainline kernel of Debian's backports, for PEER=build/peer/bzImage; 20 minutes
	@scripts/peer $(build)
	$(step) "the newest mainline kernel" scripts/kernel $(build) peer $(build)/peer-source/linux vm/peer.config

coverage: $(peer) mainline ours selftests ## walk all calls of all kinds of sockets on both, and show which run programs; PEER=FILE, too
	@compare/coverage.sh $(build) $(PEER)

defects: $(peer) mainline ours compare ## where mainline fails and we do not, as a table; PEER=FILE asks that bzImage too
	@compare/defects.sh $(build) $(PEER)

bench: $(peer) kernels compare ## count the instructions of calls on the three kernels, and on PEER=FILE; tables and pictures, 4 minutes
	@compare/bench.sh $(build) $(PEER)

bench-tools: mainline ours tools ## count the instructions of connections through cgsock and through a proxy in user space
	@scripts/packages haproxy
	@$(tool)/bench/bench.sh vm $(build)

mutants: ours selftests ## make 60 mistakes in our .c files (N=60, SEED=1) and see which of them no test notices; 40 minutes
	@scripts/mutate $(build) $(or $(SEED),1) $(or $(N),60)

shell: ours selftests tools ## a shell in a VM that runs our kernel (K=base, K=mainline for the others)
	@vm/shell.sh $(build) $(or $(K),ours)

kernels: base mainline ours ## build build/{base,mainline,ours}/bzImage, with vmlinux beside

tree: source ## make build/linux, the git tree of the series, from patches/ and our files
	@scripts/tree $(build)

refresh: source ## take edits of build/linux back into patches/ (P=0002: into that one)
	@scripts/refresh $(build) $(P)

export: tree ## write the series as mails to build/export
	@scripts/export $(build)

bisectable: tree ## compile the files that the series touches at each of its commits
	@scripts/bisectable $(build)

lint: tree ## the checks of the repository itself, checkpatch among them
	$(step) "checks of the repository" scripts/lint $(build)

style: lint ## what reviewers run besides: sparse, W=1 with gcc and clang, coccicheck, htmldocs; 20 minutes
	@scripts/packages sparse clang-19 lld-19 llvm-19 coccinelle ocaml-nox ocaml-findlib python3-sphinx python3-sphinx-rtd-theme
	@scripts/style $(build)

deb: tree tools ## installable packages of our kernel (CONFIG=FILE, or that of the running kernel) and of cgsock
	@scripts/packages debhelper
	$(step) "the package" scripts/deb $(build) deb $(CONFIG)
	$(step) "the package of cgsock" scripts/deb-tools $(build)
	@ls $(build)/deb/linux-image-*.deb $(build)/deb/cgroup-sock-tools_*.deb

deb-tools: tools ## the package of cgsock alone, for a kernel that is there
	@scripts/packages dpkg-dev
	$(step) "the package of cgsock" scripts/deb-tools $(build)
	@ls $(build)/deb/cgroup-sock-tools_*.deb

clean: ## remove the kernels, tests and logs, keep the sources
	rm -rf $(build)/base $(build)/mainline $(build)/ours $(build)/peer $(build)/ipv6-module $(build)/debug $(build)/kcsan $(build)/off-* $(build)/bisect* \
		$(build)/kselftest $(build)/samples $(build)/cgsock $(build)/compare $(build)/check $(build)/compat $(build)/coverage $(build)/defects $(build)/bench $(build)/bench-tools \
		$(build)/log $(build)/export $(build)/checkpatch $(build)/style* $(build)/deb $(build)/deb-tools $(build)/check-deb \
		$(build)/mutant*

distclean: ## remove all that was built
	rm -rf $(build)

# What the targets above are made of.

packages:
	@mkdir -p $(build)
	@scripts/packages

source: packages
	@base/unpack $(build)

base: source
	$(step) "the kernel without hooks" scripts/kernel $(build) base $(build)/src/base

mainline: source
	$(step) "the kernel with mainline's hooks" scripts/kernel $(build) mainline $(build)/src/mainline

ours: tree
	$(step) "the kernel with our hooks" scripts/kernel $(build) ours $(build)/linux

selftests: tree
	$(step) "the tests" $(MAKE) -C $(build)/linux/tools/testing/selftests TARGETS=bpf/cgroup_sock \
		INSTALL_PATH=$(CURDIR)/$(build)/kselftest SKIP_TARGETS= install

compare: selftests
	$(step) "the programs for the comparison" $(MAKE) -C compare TREE=$(CURDIR)/$(build)/linux OUTPUT=$(CURDIR)/$(build)/compare

samples: packages ## build the samples, examples to read, in build/samples
	$(step) "the samples" $(MAKE) -C $(samples) OUTPUT=$(CURDIR)/$(build)/samples

tools: packages ## build cgsock
	$(step) "cgsock" $(MAKE) -C $(tool) OUTPUT=$(CURDIR)/$(build)/cgsock

install: tools ## install cgsock with its manual pages (DESTDIR, PREFIX)
	@$(MAKE) -C $(tool) OUTPUT=$(CURDIR)/$(build)/cgsock install

check-tools: ours tools ## the tests of cgsock; T=NAME runs one of them
	@scripts/packages haproxy mandoc
	@$(tool)/tests/run.sh vm $(build) ours $(T)

check-tools-mainline: mainline tools ## the same on mainline's kernel
	@scripts/packages haproxy mandoc
	@$(tool)/tests/run.sh vm $(build) mainline $(T)

check-ours: ours selftests
	@vm/test.sh $(build) ours $(T)

check-pages: ours samples
	@scripts/doc-check $(build)

check-control: base selftests
	@vm/test.sh -r $(build) base $(T)

check-ipv6-module: tree selftests
	$(step) "the kernel with IPv6 as a module" scripts/kernel $(build) ipv6-module $(build)/linux vm/variant.config vm/ipv6-module.config
	@vm/test.sh $(build) ipv6-module $(T)

check-debug: tree selftests ## the tests on our kernel with KASAN, lockdep and list debugging; its build takes twice as long
	$(step) "the kernel with KASAN, lockdep and list debugging" scripts/kernel $(build) debug $(build)/linux vm/variant.config vm/debug.config
	@vm/test.sh $(build) debug $(T)

check-kcsan: tree selftests ## threads on one socket under KCSAN, which tells which accesses race
	$(step) "the kernel with KCSAN" scripts/kernel $(build) kcsan $(build)/linux vm/variant.config vm/kcsan.config
	@vm/kcsan.sh $(build)

check-deb: ours selftests ## build the package with the configuration of the test machine and test what is in it
	@scripts/packages debhelper
	$(step) "the package for the test machine" scripts/deb $(build) check-deb $(build)/ours/.config
	@rm -rf $(build)/check-deb/root
	@dpkg-deb -x $(build)/check-deb/linux-image-*.deb $(build)/check-deb/root
	@cp $(build)/check-deb/root/boot/config-* $(build)/check-deb/.config
	@cp $(build)/check-deb/root/boot/vmlinuz-* $(build)/check-deb/bzImage
	@vm/test.sh $(build) check-deb $(T)

check-off: tree
	$(step) "compile without IPv6 and tracepoints" scripts/compile $(build) off-ipv6 vm/variant.config vm/off-ipv6.config
	$(step) "compile without CGROUP_BPF" scripts/compile $(build) off-cgroup-bpf vm/variant.config vm/off-cgroup-bpf.config

check-demo: ours tools
	@demo/demo.sh $(build)

check-summary:
	@prove --nocolor -e cat $(logs)/lint.log $(foreach kernel,ours pages ipv6-module base,$(wildcard $(build)/check/$(kernel)/tap/*.tap))

.PHONY: help demo check compat peer coverage defects bench bench-tools shell kernels tree refresh export bisectable lint style deb clean \
	distclean packages source base mainline ours selftests compare samples tools install deb-tools check-tools check-tools-mainline check-ours check-pages check-control check-ipv6-module \
	check-debug check-kcsan check-deb check-off check-demo check-summary mutants
