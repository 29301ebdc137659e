#include "kernel/console/inbox.h"

static void
inbox_run(struct dpc *d, void *context)
{
    struct inbox *b = context;

    while (b->tail != __atomic_load_n(&b->head, __ATOMIC_ACQUIRE)) {
        uint8_t byte = b->bytes[b->tail % INBOX_SIZE];

        __atomic_store_n(&b->tail, b->tail + 1, __ATOMIC_RELEASE);
        b->take(byte);
    }
}

void
inbox_init(struct inbox *b, void (*take)(uint8_t byte))
{
    b->take = take;
    dpc_init(&b->dpc, inbox_run, b);
    dpc_set_target(&b->dpc, 0);
}

void
inbox_put(struct inbox *b, uint8_t byte)
{
    if (b->head - __atomic_load_n(&b->tail, __ATOMIC_ACQUIRE) == INBOX_SIZE)
        return;
    b->bytes[b->head % INBOX_SIZE] = byte;
    __atomic_store_n(&b->head, b->head + 1, __ATOMIC_RELEASE);
}

void
inbox_deliver(struct inbox *b)
{
    dpc_queue(&b->dpc);
}
