# Builds a miniport anywhere:
#
#   cp -R .../portolan/drivers/miniport/template/scsiport mine; cd mine
#   make -f .../portolan/drivers/miniport/miniport.mk
#
# All *.c of this folder become NAME.sys, with symbols for ./portolan debug.
#
#   NAME=ramdisk   its name (default: that of the only .inf here, or of the folder)
#   W=1            warnings are errors

.DEFAULT_GOAL := all
PORTOLAN  := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))/../..)
NAME      ?= $(or $(if $(filter 1,$(words $(wildcard *.inf))),$(basename $(wildcard *.inf))),$(notdir $(CURDIR)))
MINGW_CC  ?= x86_64-w64-mingw32-gcc
DLLTOOL   ?= x86_64-w64-mingw32-dlltool
HOSTCC    ?= $(firstword $(shell command -v x86_64-linux-gnu-gcc x86_64-elf-gcc gcc))
OUT       ?= implib

DRIVER_CFLAGS := -std=gnu17 -O2 -g -gdwarf-4 -ffreestanding -I$(PORTOLAN)/drivers/ddk -I. -Wall -Wextra \
                 -Wno-unused-parameter -Wno-array-bounds -Wno-multichar $(if $(W),-Werror)
DRIVER_LDFLAGS := -nostdlib -Wl,--subsystem,native,--entry,DriverEntry,--dynamicbase

# What may be imported: made from the lists that the loader has.
LIBRARIES := $(addprefix $(OUT)/,ntoskrnl.exe.a pciidex.sys.a scsiport.sys.a)
$(OUT)/ntoskrnl.exe.a: $(addprefix $(PORTOLAN)/drivers/nt/,ntoskrnl.c hal.c)
$(OUT)/pciidex.sys.a:  $(PORTOLAN)/drivers/port/ataport/exports_ataport.c
$(OUT)/scsiport.sys.a: $(PORTOLAN)/drivers/port/scsiport/exports_scsiport.c
$(LIBRARIES): $(PORTOLAN)/drivers/implib.sh
	@CC='$(HOSTCC) -std=gnu17 -ffreestanding -I$(PORTOLAN) -DDEBUG=0 -DTESTS=0' DLLTOOL=$(DLLTOOL) \
	    sh $(PORTOLAN)/drivers/implib.sh $@ $(filter %.c,$^)

.PHONY: all clean
all: $(NAME).sys                                    ## the driver
$(NAME).sys: $(wildcard *.c *.h $(PORTOLAN)/drivers/ddk/*.h) $(LIBRARIES)
	$(MINGW_CC) $(DRIVER_CFLAGS) $(DRIVER_LDFLAGS) -o $@ $(filter %.c,$^) $(LIBRARIES) -lgcc

clean:                                              ## remove what was made
	rm -rf $(OUT) $(NAME).sys
