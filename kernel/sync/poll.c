#include "kernel/sync/poll.h"

void
poll_queue_init(struct poll_queue *q)
{
    spin_init(&q->lock, LOCK_POLL, "poll queue");
    list_init(&q->waiters);
}

void
poll_add(struct poll_queue *q, struct poll_waiter *w, struct event *event)
{
    uint8_t old = spin_lock(&q->lock);

    w->queue = q;
    w->event = event;
    list_add_tail(&q->waiters, &w->link);
    spin_unlock(&q->lock, old);
}

void
poll_remove(struct poll_waiter *w)
{
    uint8_t old;

    if (!w->queue)
        return;
    old = spin_lock(&w->queue->lock);
    list_del(&w->link);
    spin_unlock(&w->queue->lock, old);
    w->queue = NULL;
}

void
poll_wake(struct poll_queue *q)
{
    struct poll_waiter *w;
    uint8_t old;

    if (list_empty(&q->waiters))
        return;
    old = spin_lock(&q->lock);
    list_for_each_entry(w, &q->waiters, link)
        event_set(w->event);
    spin_unlock(&q->lock, old);
}
