/* The simulated ATA controller (tests/guest/probe/atasim.c), as tests handle it. */
#pragma once
#include "drivers/port/ataport/ataport.h"
#include "tests/guest/kernel/drivers/probe.h"
#include "tests/guest/probe/atasim.h"

struct sim {
    struct driver *driver;
    struct knobs *knobs;
    volatile struct seen *seen;
    struct adapter *adapter;
    char why[DRIVER_WHY];
};

/* Load it; its knobs can be turned then. False after a failed check. */
bool sim_load(struct sim *s);

/* DriverEntry and a controller. Returns what adding it returned. */
int sim_start(struct sim *s);

/* Stop and unload; what the driver has found wrong fails the test. */
void sim_stop(struct sim *s);

/* Target 0 of the first channel; NULL after a failed check. */
struct unit *sim_unit(struct sim *s);

/* The n-th call of a kind (CALL_NONE: there are fewer), and how many there were. */
volatile struct call *sim_call(struct sim *s, unsigned what, unsigned n);
unsigned sim_calls(struct sim *s, unsigned what);

/* The simulated device raises its interrupt; it has been handled when this returns. PASSIVE_LEVEL. */
void sim_interrupt(struct sim *s);

/* A read of `size` bytes into memory that tests share; sent, in a mode, and waited for: its status. */
struct ata_request sim_read(uint32_t size);
uint8_t sim_run(struct sim *s, unsigned mode);

/* Reads that are under way together: n of them sent with a time limit (returns how many could be), and those from one on waited for. */
#define SIM_FLIGHTS 40
struct flight {
    struct ata_request a;
    struct event done;
};
extern struct flight sim_flights[SIM_FLIGHTS];
void sim_landed(struct request *r); /* their done() */
unsigned sim_fly(struct unit *u, unsigned n, uint32_t seconds);
void sim_land(unsigned first, unsigned n);
