# How drivers are built: as anybody builds theirs, by mingw-w64, against the DDK's headers and import libraries that are made
# from the kernel's own lists. Included by the Makefile.

MINGW_CC  ?= x86_64-w64-mingw32-gcc
MINGW_STRIP ?= x86_64-w64-mingw32-strip
DLLTOOL   ?= x86_64-w64-mingw32-dlltool
DRIVER_CFLAGS := -std=gnu17 -O2 -ffreestanding -Idrivers/ddk -I. -Wall -Wextra -Werror -Wno-unused-parameter \
                 -Wno-array-bounds -Wno-multichar -nostdlib -Wl,--subsystem,native,--entry,DriverEntry,--dynamicbase -g -gdwarf-4

IMPLIBS   := $(BUILD)/implib/ntoskrnl.exe.a $(BUILD)/implib/pciidex.sys.a $(BUILD)/implib/scsiport.sys.a
$(word 1,$(IMPLIBS)): drivers/nt/ntoskrnl.c drivers/nt/hal.c
$(word 2,$(IMPLIBS)): drivers/port/ataport/exports_ataport.c
$(word 3,$(IMPLIBS)): drivers/port/scsiport/exports_scsiport.c
$(IMPLIBS): drivers/implib.sh | $(O)/flags
	$(call say,IMPLIB,$@)
	$(Q)CC='$(CC) $(CFLAGS)' DLLTOOL=$(DLLTOOL) sh drivers/implib.sh $@ $(filter %.c,$^)

# NAME.sys.debug is the same with symbols, for ./portolan debug.
# A folder a miniport, a file a probe. template/ is built by miniport.mk, as by anybody.
MINIPORTS := $(patsubst drivers/miniport/%/,$(BUILD)/drivers/%.sys,$(filter-out %/template/,$(wildcard drivers/miniport/*/)))
INFS      := $(wildcard drivers/miniport/*/*.inf)
PROBES    := $(patsubst tests/guest/probe/%.c,$(BUILD)/probes/%.sys,$(wildcard tests/guest/probe/*.c))

define driver_rule
$(1): $(2) $(wildcard drivers/ddk/*.h) $(IMPLIBS) drivers/rules.mk
	@mkdir -p $$(@D)
	$$(call say,MINGW,$$@)
	$$(Q)$(MINGW_CC) $(DRIVER_CFLAGS) -o $$@.debug $$(filter %.c,$$^) $(IMPLIBS)
	$$(Q)$(MINGW_STRIP) -o $$@ $$@.debug
endef
$(foreach d,$(MINIPORTS),$(eval $(call driver_rule,$(d),$(wildcard drivers/miniport/$(basename $(notdir $(d)))/*))))
$(foreach d,$(PROBES),$(eval $(call driver_rule,$(d),tests/guest/probe/$(basename $(notdir $(d))).c $(wildcard tests/guest/probe/*.h))))
