/* The simulated SCSI adapter (tests/guest/probe/scsisim.c), as tests handle it. */
#pragma once
#include "drivers/ddk/scsi.h"
#include "drivers/ddk/scsiport.h"
#include "drivers/port/core/port.h"
#include "drivers/port/core/unit.h"
#include "tests/guest/kernel/drivers/probe.h"
#include "tests/guest/probe/scsisim.h"

struct scsisim {
    struct driver *driver;
    struct sknobs *knobs;
    volatile struct sseen *seen;
    struct adapter *adapter; /* the last one that was made */
    unsigned adapters;
    char why[DRIVER_WHY];
};

/* Load it; its knobs can be turned then. False after a failed check. */
bool scsisim_load(struct scsisim *s);

/* DriverEntry, and if it is no legacy driver an adapter. Returns 0 or what failed. */
int scsisim_start(struct scsisim *s);

/* Stop and unload; what the driver has found wrong fails the test. scsisim_stop_only(): the adapter goes, the driver stays. */
void scsisim_stop(struct scsisim *s);
void scsisim_stop_only(struct scsisim *s);

/* A unit; NULL after a failed check. scsisim_has(): without a check. */
struct unit *scsisim_unit(struct scsisim *s, uint8_t target, uint8_t lun);
bool scsisim_has(struct scsisim *s, uint8_t target, uint8_t lun);

/* The n-th call of a kind (SCALL_NONE: there are fewer), and how many there were. */
volatile struct scall *scsisim_call(struct scsisim *s, unsigned what, unsigned n);
unsigned scsisim_calls(struct scsisim *s, unsigned what);

/* StartIo calls for READ(10): how many, and the n-th. */
unsigned scsisim_reads(struct scsisim *s);

/* The simulated adapter raises its interrupt; it has been handled when this returns. PASSIVE_LEVEL. */
void scsisim_interrupt(struct scsisim *s);

/* A request for a read (or write) of `size` bytes at a block, with sense data: reused by all tests. */
struct scsi_request *scsisim_request(bool write, uint32_t block, uint32_t size);
extern uint8_t scsisim_data[64 * 1024], scsisim_sense[64];

/* Sent to target 0, in a mode, and waited for: SrbStatus with its bits. */
uint8_t scsisim_run(struct scsisim *s, unsigned mode);

/* Requests that are under way together, with a time limit: n of them sent (returns how many could be), waited for. */
#define SCSISIM_FLIGHTS 40
struct sflight {
    struct scsi_request s;
    struct event done;
    uint8_t sense[32];
};
extern struct sflight scsisim_flights[SCSISIM_FLIGHTS];
unsigned scsisim_fly(struct unit *u, unsigned first, unsigned n, uint32_t seconds);
void scsisim_land(unsigned first, unsigned n);
