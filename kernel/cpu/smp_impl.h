/* What irq.c and smp_start.c need of smp.c. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Run what other processors want called here. At IPI_LEVEL, interrupts off. */
void smp_calls_serve(void);

/*
 * Processor `number`, the next one, may come online; stop waiting for it: returns false when it has come after all.
 * A processor that comes later than that halts.
 */
void smp_await(uint32_t number);
bool smp_give_up(void);

/* This processor is online from now on. On itself, interrupts off, its local APIC set up. */
void smp_online(void);
