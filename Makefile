# SPDX-License-Identifier: GPL-2.0
#
# make            the modules, for the running kernel
# make help       everything else

# make takes a path apart at its blanks, and kbuild does: before anything is
# built, installed or, worse, removed at a path that is half of what it was.
ifneq ($(words $(MAKEFILE_LIST)) $(words $(CURDIR)),1 1)
$(error weft: make and kbuild cannot work below a folder with a blank in its name: $(CURDIR))
endif
mandir ?= /usr/local/share/man
ifneq ($(filter-out 0 1,$(words $(DESTDIR)$(mandir))),)
$(error weft: neither DESTDIR nor mandir must have a blank in it: $(DESTDIR)$(mandir))
endif

KVER ?= $(shell uname -r)
KDIR ?= $(DESTDIR)/lib/modules/$(KVER)/build
top  := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))

# A kernel with BTF has its modules' BTF made by pahole; they load without it too.
kbuild = $(MAKE) -C $(KDIR) M=$(top) \
	$(if $(shell command -v pahole),,CONFIG_DEBUG_INFO_BTF_MODULES=) \
	$(if $(VDPA_CORE),WEFT_VDPA_CORE=y KBUILD_EXTRA_SYMBOLS=$(VDPA_CORE)/Module.symvers)
rooms  = vhost mdev vdpa

all: modules

modules: headers
	+@$(kbuild) modules

# The release that KDIR is of, which need not be the running one.
release = $$(cut -s -d'"' -f2 $(KDIR)/include/generated/utsrelease.h 2>/dev/null || echo $(KVER))
moddir  = $(DESTDIR)/lib/modules/$(release)

# Says what is missing in words, before kbuild says it in errors.
headers:
	@$(top)/include/compat/headers.sh "$(KDIR)" "$(KVER)" "$(top)" $(VDPA_CORE)

man4   = $(DESTDIR)$(mandir)/man4
pages  = $(wildcard $(top)/Documentation/man/*.4)

# A kernel made to sign all its modules has no key in its headers package.
install: modules
	+@$(kbuild) modules_install INSTALL_MOD_PATH=$(DESTDIR) INSTALL_MOD_DIR=updates \
		$(if $(wildcard $(KDIR)/certs/signing_key.pem),,CONFIG_MODULE_SIG_ALL=)
	@depmod $(if $(DESTDIR),-b $(DESTDIR)) $(release)
	@mkdir -p $(man4) && for p in $(pages); do install -m 644 $$p $(man4) || exit; done
	@echo "weft: installed below $(moddir)/updates; load with modprobe, and see man weft_vgpu"

uninstall:
	@rm -f $(foreach r,$(rooms),$(moddir)/updates/$(r)/weft_*.ko*)
	@rm -f $(foreach p,$(pages),$(man4)/$(notdir $(p)))
	@for r in $(rooms); do rmdir $(moddir)/updates/$$r 2>/dev/null || :; done
	@depmod $(if $(DESTDIR),-b $(DESTDIR)) $(release)
	@echo "weft: gone from $(moddir)/updates"

# For kernels without CONFIG_VDPA, as Debian's 6.1 is one.
vdpa-core:
	@$(top)/vdpa/core.sh "$(KDIR)" "$(top)/build/vdpa-core/$(release)"

clean:
	@rm -rf '$(top)/build' '$(top)/include/generated'
	@find '$(top)' \( -name '*.o' -o -name '*.ko' -o -name '*.mod' -o -name '*.mod.c' \
		-o -name '.*.cmd' -o -name '.*.d' -o -name '.module-common.*' -o -name modules.order \
		-o -name Module.symvers -o -name '*.symversions' -o -name '*.pyc' \) -type f -not -path '*/.git/*' -delete

# What follows boots virtual machines; nothing of it touches the running kernel.
deps:
	@$(top)/selftests/qemu/deps.sh build qemu

jobs = $(if $(JOBS),--jobs $(JOBS))
check: deps
	@$(top)/selftests/check $(jobs) $(if $(ALL),--all)

check-more: deps
	@$(top)/selftests/check $(jobs) --more

check-all: deps
	@$(top)/selftests/check $(jobs) --all

kunit: deps
	@$(top)/selftests/check uml/kunit

demo:
	@$(top)/selftests/demo/run

bench:
	@$(top)/selftests/bench/run

shell:
	@$(top)/selftests/qemu/shell || [ $$? -lt 124 ]

unit: deps
	@$(top)/selftests/check --lane unit

style: deps
	@$(top)/selftests/check --lane style

MINUTES ?= 1
fuzz:
	@$(top)/selftests/fuzz/run --minutes $(MINUTES)

fuzz-kernel:
	@$(top)/selftests/fuzz/run-kernel --minutes $(MINUTES)

fuzz-guest:
	@$(top)/selftests/fuzz/run-kernel --minutes $(MINUTES) guest

mutate:
	@$(top)/selftests/qemu/deps.sh $(if $(KERNEL),build kernel qemu,unit fuzz)
	@$(top)/selftests/mutate/mutate $(if $(KERNEL),--kernel) $(if $(SAMPLE),--sample $(SAMPLE))

coverage:
	@$(top)/selftests/coverage/run $(if $(ALL),--kernels)

help:
	@echo 'Modules:'
	@echo '  make              build them for the running kernel'
	@echo '  make KVER=V       ... for an installed kernel V'
	@echo '  make KDIR=DIR     ... with the headers or the build tree in DIR'
	@echo '  make install      install them below /lib/modules/V/updates (DESTDIR= works),'
	@echo '                    and manual pages in mandir=/usr/local/share/man'
	@echo '  make uninstall    remove them from there'
	@echo '  make vdpa-core    the vDPA bus for a kernel without it, from its source package,'
	@echo '                    into build/vdpa-core/V; with VDPA_CORE= that, make builds on it'
	@echo '  make clean        remove all that was built'
	@echo
	@echo 'In a virtual machine of its own (KVM is used where it works, but not needed):'
	@echo '  make demo         two guests paint on one display adapter; see build/demo/'
	@echo '  make shell        a root shell beside the loaded modules; all changes are lost'
	@echo "  make check        what a change needs; TESTS='mdev/a qemu/b' for some, ALL=1 for all"
	@echo '  make check-more   what CI runs: guests, other software, costs and 6.1 too; JOBS=1 for one'
	@echo '                    test at a time'
	@echo '  make check-all    all tests, which takes hours; the same as ALL=1'
	@echo '  make kunit        the KUnit suites, in a kernel with sanitizers that is a process'
	@echo '  make unit         the quick tests of the rooms without a device'
	@echo '  make style        checkpatch, sparse, and warnings'
	@echo '  make fuzz         MINUTES=1 of bad input for each of the rooms'
	@echo '  make fuzz-kernel  MINUTES=1 of bad calls and rings for each of the devices, in a kernel'
	@echo '                    with sanitizers'
	@echo '  make fuzz-guest   MINUTES=1 of a bad guest on all of the devices, in QEMU'
	@echo '  make mutate       leaves checks out of the rooms, and tells which no test misses; with'
	@echo '                    KERNEL=1 of those that only a kernel can run; SAMPLE=N tries N'
	@echo '  make coverage     which lines of the rooms the tests run, or with ALL=1 of all modules'
	@echo '  make bench        costs in instructions'
	@echo
	@echo 'What these need is installed through apt when you are root on Debian or Ubuntu,'
	@echo 'and named otherwise. Kernels are unpacked in $${WEFT_CACHE:-~/.cache/weft}.'

.PHONY: all modules headers install uninstall vdpa-core clean deps check check-more check-all kunit demo bench shell unit fuzz fuzz-kernel fuzz-guest mutate coverage style help
