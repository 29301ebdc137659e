# How everything is built. `make help` lists the targets.
#
#   make                 release kernel        build/release/portolan.elf
#   make DEBUG=1         UBSan, lock checks, in-kernel tests   build/debug/
#   make COVERAGE=1      as DEBUG, with gcov   build/coverage/
#   make BENCH=1         release, and what `make bench` counts   build/bench/
#   CROSS=prefix-        another compiler; CC=clang works as well
#   V=1                  show the commands

Q       := $(if $(V),,@)
SILENT  := $(findstring s,$(firstword -$(MAKEFLAGS)))
say      = $(if $(V)$(SILENT),,@printf '  %-7s %s\n' $(1) $(2))
BUILD   ?= build
VARIANT := $(if $(COVERAGE),coverage,$(if $(DEBUG),debug,$(if $(BENCH),bench,release)))
O       := $(BUILD)/$(VARIANT)
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

# The compiler: a cross compiler where there is one, else the host's own when it is x86-64 Linux's.
CROSS   ?= $(shell for p in x86_64-elf- x86_64-linux-gnu-; do \
             command -v $${p}gcc >/dev/null 2>&1 && { echo $$p; break; }; done)
ifeq ($(origin CC),default)
CC      := $(CROSS)gcc
endif
NM      := $(CROSS)nm
OBJCOPY := $(CROSS)objcopy
SIZE    := $(CROSS)size
HOSTCC  ?= gcc
GRUB_MKRESCUE ?= grub-mkrescue
PYTHON  ?= $(shell command -v /usr/bin/python3 || command -v python3)

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
        -Wundef -Wvla -Wwrite-strings -Wpointer-arith -Wformat=2 -Wimplicit-fallthrough -Wno-unused-parameter
CFLAGS := -std=gnu17 -O2 -g -ffreestanding -fno-pic -fno-pie -mcmodel=kernel -mno-red-zone \
          -mgeneral-regs-only -fno-omit-frame-pointer -fno-strict-aliasing -fno-common \
          -fno-delete-null-pointer-checks -fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections \
          -fstack-protector-strong -I. -I$(BUILD)/gen $(WARN)
ifneq ($(filter debug coverage,$(VARIANT)),)
CFLAGS += -DDEBUG=1 -DTESTS=1 -fsanitize=undefined -fno-sanitize=nonnull-attribute# memcpy() of 0 bytes
else
CFLAGS += -DDEBUG=0 -DTESTS=0
endif
ifeq ($(VARIANT),coverage)
CFLAGS += -fprofile-arcs -ftest-coverage -fprofile-info-section -fprofile-update=atomic -DCOVERAGE=1
LIBGCOV := -lgcov -Wl,--defsym=mmap=panic -Wl,--defsym=abort=panic
endif
ifeq ($(VARIANT),bench)
CFLAGS += -DBENCH=1
endif
LDFLAGS := -nostdlib -static -Wl,-T,boot/kernel.ld -Wl,--gc-sections -Wl,--build-id=none \
           -Wl,-z,noexecstack -Wl,-z,max-page-size=4096 -Wl,--no-warn-rwx-segments

SRC := $(wildcard lib/*.c kernel/*/*.c kernel/fs/*/*.c boot/*.c boot/*.S kernel/*/*.S drivers/loader/*.c drivers/nt/*.c drivers/control/*.c drivers/class/*.c drivers/port/*/*.c)
ifneq ($(filter debug coverage,$(VARIANT)),)
SRC += $(wildcard tests/guest/*.c tests/guest/kernel/*.c tests/guest/kernel/*/*.c)
endif
ifneq ($(VARIANT),coverage)
SRC := $(filter-out tests/guest/coverage.c,$(SRC))
endif
ifeq ($(VARIANT),bench)
SRC += $(wildcard tests/guest/bench/*.c)
endif
OBJ := $(patsubst %,$(O)/%.o,$(SRC))

.PHONY: all iso image clean help format lint metrics evidence obligations commands book coverage bench host-test host-fuzz host-test-list \
        host-fuzz-list print-cflags size FORCE
.DELETE_ON_ERROR:
.SECONDARY:

all: $(O)/portolan.elf $(O)/system.img             ## kernel and system image

# -- the kernel: linked twice, the second time with the symbol table made from the first
$(O)/%.o: % $(O)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

$(O)/symbols.0.S: | $(O)/flags
	$(Q)printf '' | sh boot/symbols.sh > $@

$(O)/symbols.1.S: $(O)/pass0.elf boot/symbols.sh
	$(Q)$(NM) -n $< | sh boot/symbols.sh > $@

$(O)/symbols.%.o: $(O)/symbols.%.S
	$(Q)$(CC) $(CFLAGS) -c -o $@ $<

$(O)/pass0.elf: $(OBJ) $(O)/symbols.0.o boot/kernel.ld
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIBGCOV)

$(O)/portolan.elf: $(OBJ) $(O)/symbols.1.o boot/kernel.ld
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIBGCOV)

# What is made at build time; the first rebuild after a change follows from the .d files.
GENERATED := $(BUILD)/gen/console-font.psf $(BUILD)/gen/pci_ids.inc

# The console font is Debian's (console-setup-linux).
FONT ?= $(firstword $(wildcard /usr/share/consolefonts/Uni2-VGA16.psf.gz /usr/share/kbd/consolefonts/*-VGA16.psf.gz))
$(BUILD)/gen/console-font.psf:
	@mkdir -p $(@D)
	@[ -n "$(FONT)" ] || { echo 'no console font: install console-setup-linux, or set FONT=file.psf.gz'; exit 1; }
	$(Q)gunzip -c $(FONT) > $@

PCI_IDS ?= $(firstword $(wildcard /usr/share/misc/pci.ids /usr/share/hwdata/pci.ids \
                     /opt/homebrew/share/hwdata/pci.ids /usr/local/share/hwdata/pci.ids))
$(BUILD)/gen/pci_ids.inc: userland/pci_ids.awk $(PCI_IDS)
	@mkdir -p $(@D)
	@[ -n "$(PCI_IDS)" ] || { echo 'no pci.ids: install pci.ids or hwdata, or set PCI_IDS=file'; exit 1; }
	$(Q)LC_ALL=C awk -f $< $(PCI_IDS) > $@

# Rebuild everything when the compiler, its flags or the version change.
$(O)/flags: FORCE | $(GENERATED)
	@mkdir -p $(@D)
	@echo '$(CC) $(CFLAGS)' | cmp -s - $@ || echo '$(CC) $(CFLAGS)' > $@

COLD := $(addsuffix /%,boot kernel/hw kernel/console drivers/loader drivers/control drivers/nt) \
        $(addprefix drivers/port/ataport/,sat_% detect% controller% library% channel%) \
        $(addprefix drivers/port/scsiport/,init% find% hba% resources% library% scan%)# small rather than fast
$(filter $(addprefix $(O)/,$(COLD)),$(OBJ)): private CFLAGS += -Os
$(O)/boot/main.c.o $(O)/kernel/fs/procfs_system.c.o: CFLAGS += -DVERSION='"$(VERSION)"'
-include $(OBJ:.o=.d)

# -- programs: musl, static
MUSL_CC   ?= $(firstword $(shell for c in musl-gcc x86_64-linux-musl-gcc; do command -v $$c; done))
USER_CFLAGS = -std=gnu17 -Os -static -ffunction-sections -fdata-sections -Wl,--gc-sections -s -I. -I$(BUILD)/gen $(WARN) \
               -Wno-missing-prototypes
COMMANDS  := $(patsubst userland/%.c,$(BUILD)/userland/%,$(wildcard userland/*.c))
PROGRAMS  := $(patsubst tests/programs/%.c,$(BUILD)/programs/%,$(wildcard tests/programs/*.c))
SHARED    := $(wildcard userland/common/*.c) lib/units.c lib/format.c
$(COMMANDS): $(BUILD)/userland/%: userland/%.c $(SHARED) $(wildcard userland/common/*.h) lib/units.h lib/format.h | $(GENERATED)
	@mkdir -p $(@D)
	$(call say,MUSL,$@)
	$(Q)$(MUSL_CC) $(USER_CFLAGS) -o $@ $< $(SHARED)

$(PROGRAMS): $(BUILD)/programs/%: tests/programs/%.c tests/programs/check.h userland/common/aio_abi.h
	@mkdir -p $(@D)
	$(call say,MUSL,$@)
	$(Q)$(MUSL_CC) $(USER_CFLAGS) -O2 -o $@ $<

include drivers/rules.mk

# -- the image: a newc archive of what the running system finds at /
image: $(O)/system.img                               ## system image (newc cpio)
BUSYBOX ?= $(firstword $(wildcard /bin/busybox /usr/bin/busybox))
$(O)/system.img: iso/image.sh iso/commands $(shell find iso/etc -type f) $(COMMANDS) $(MINIPORTS) $(INFS) $(if $(filter debug,$(VARIANT)),$(PROGRAMS) $(PROBES)) $(BUSYBOX)
	$(call say,IMAGE,$@)
	@[ -n "$(BUSYBOX)" ] || { echo 'no busybox: install busybox-static, or set BUSYBOX=file'; exit 1; }
	$(Q)sh iso/image.sh $@ $(O)/root $(BUSYBOX) $(COMMANDS) $(MINIPORTS) $(INFS) $(if $(filter debug,$(VARIANT)),--tests $(PROGRAMS) $(PROBES))

iso: $(O)/portolan.iso                               ## hybrid ISO: BIOS and UEFI, CD and USB stick
$(O)/portolan.iso: $(O)/portolan.elf $(O)/system.img iso/grub.cfg
	$(call say,ISO,$@)
	$(Q)rm -rf $(O)/iso && mkdir -p $(O)/iso/boot/grub
	$(Q)$(OBJCOPY) --strip-all $(O)/portolan.elf $(O)/iso/boot/portolan
	$(Q)cp $(O)/system.img $(O)/iso/boot/system.img
	$(Q)cp iso/grub.cfg $(O)/iso/boot/grub/grub.cfg
	$(GRUB_MKRESCUE) -o $@ $(O)/iso -- -volid PORTOLAN >$(O)/iso.log 2>&1 || { cat $(O)/iso.log; exit 1; }

# -- host tests: each test names its sources in a line "// sources: ..."
HOST_TESTS := $(wildcard tests/host/*/test_*.c)
HOST_FUZZ  := $(wildcard tests/host/*/fuzz_*.c)
HOST_BIN   := $(patsubst tests/host/%.c,$(BUILD)/host/%,$(HOST_TESTS))
FUZZ_BIN   := $(patsubst tests/host/%.c,$(BUILD)/host/%,$(HOST_FUZZ))
HOST_CFLAGS := -std=gnu17 -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
               -fno-sanitize-recover=undefined -DDEBUG=1 -DTESTS=1 -I. -I$(BUILD)/gen $(WARN) \
               -DFONT_FILE='"$(BUILD)/gen/console-font.psf"'
FUZZ_RUNS  ?= 20000
sources = $(shell sed -n 's|^// sources: *||p' $(1))
flags   = $(shell sed -n 's|^// flags: *||p' $(1))

define host_rule
$(BUILD)/host/$(1): tests/host/$(1).c $(call sources,tests/host/$(1).c) \
                    $(wildcard lib/*.h kernel/*/*.h drivers/*/*.h drivers/*/*/*.h tests/host/*.h tests/host/$(dir $(1))*.h) | $(GENERATED)
	@mkdir -p $$(@D)
	$$(call say,HOST,$$@)
	$$(Q)$(2) $(call flags,tests/host/$(1).c) -o $$@ $$(filter %.c,$$^)
endef
$(foreach t,$(HOST_TESTS:tests/host/%.c=%),$(eval $(call host_rule,$(t),$(HOSTCC) $(HOST_CFLAGS))))
$(foreach t,$(HOST_FUZZ:tests/host/%.c=%),$(eval $(call host_rule,$(t),clang $(HOST_CFLAGS) -fsanitize=fuzzer)))

host-test: $(HOST_BIN)                               ## pure code on the host, under ASan and UBSan
	@for t in $(HOST_BIN); do echo "$$t"; $$t || exit 1; done

host-fuzz: $(FUZZ_BIN)                               ## each fuzzer over its corpus, FUZZ_RUNS=20000
	@for t in $(FUZZ_BIN); do sh tests/host/fuzz.sh $$t $(FUZZ_RUNS) || exit 1; done

host-test-list host-fuzz-list:
	@echo $(if $(filter host-test-list,$@),$(HOST_BIN),$(FUZZ_BIN))

# -- reading it from outside
format:                                              ## clang-format over what git tracks
	git ls-files '*.c' '*.h' | xargs clang-format -i

lint:                                                ## all static checks
	$(PYTHON) tests/lint/lint.py
	sh tests/lint/static.sh

metrics:                                             ## our row of the table of file and function sizes
	@$(PYTHON) tests/lint/metrics.py

evidence:                                            ## obligations of the contracts without code or test
	@$(PYTHON) tests/lint/evidence.py
obligations:                                         ## docs/obligations.md
	@$(PYTHON) tests/lint/evidence.py --table > docs/obligations.md

commands: $(COMMANDS)                                ## docs/commands, from what the commands say of themselves
	$(Q)sh docs/commands.sh iso/commands $(COMMANDS)

book:                                                ## docs as HTML and PDF in build/book
	sh docs/book/build.sh $(abspath $(BUILD))/book

bench: $(BUILD)/bench/icplugin.so $(BUILD)/bench/calls $(BUILD)/bench/disk $(BUILD)/bench/files $(BUILD)/probes/instant.sys ## figures: instructions, sizes, memory, against their goals
	$(Q)$(MAKE) --no-print-directory BENCH=1 all && $(MAKE) --no-print-directory all
	@$(PYTHON) tests/bench/bench.py $(BUILD) $(if $(LINUX),--linux)

$(BUILD)/bench/icplugin.so: tests/bench/icplugin.c
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -O2 -shared -fPIC $(WARN) -o $@ $<

$(BUILD)/bench/calls $(BUILD)/bench/disk $(BUILD)/bench/files: $(BUILD)/bench/%: tests/bench/%.c kernel/cpu/marker.h userland/common/aio_abi.h
	@mkdir -p $(@D)
	$(Q)$(MUSL_CC) $(USER_CFLAGS) -O2 -o $@ $<

COVERAGE_DEVICES := -device edu -device edu -device edu -device edu -device edu -device e1000e,romfile=
coverage:                                            ## what the in-kernel tests reach, by gcov
	$(Q)$(MAKE) --no-print-directory COVERAGE=1 all
	$(Q)timeout 1200 qemu-system-x86_64 -M q35 -cpu max -m 512 -smp 2 -nodefaults -display none -no-reboot \
	    -serial file:$(BUILD)/coverage/capture -device isa-debug-exit,iobase=0xf4,iosize=4 $(COVERAGE_DEVICES) \
	    -kernel $(BUILD)/coverage/portolan.elf -initrd $(BUILD)/coverage/system.img -append 'test=*' || [ $$? -le 35 ]
	$(Q)$(PYTHON) tests/lint/gcovdump.py $(BUILD)/coverage $(BUILD)/coverage/capture

size: $(O)/portolan.elf                              ## sections of the kernel
	$(SIZE) -A $<
print-cflags:
	@echo '$(filter-out -Werror,$(CFLAGS))'
clean:                                               ## remove build/
	rm -rf $(BUILD)

help:                                                ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'
	@echo '  DEBUG=1 COVERAGE=1 CROSS=prefix- CC=clang BUILD=dir'

FORCE:
