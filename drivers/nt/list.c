/*
 * Interlocked lists and sums. A list with a depth (SLIST) keeps its depth in the low 16 bits of the first word; compiled drivers
 * read it there. One lock for all of them, at any IRQL: entries come and go in interrupts too.
 */
#include "drivers/nt/nt_impl.h"

static uint64_t lock;

static uint64_t
enter(void)
{
    uint64_t were_on = interrupts_save();

    guard_lock(&lock, 1);
    return were_on;
}

static void
leave(uint64_t were_on)
{
    guard_unlock(&lock);
    interrupts_restore(were_on);
}

VOID NTAPI
InitializeSListHead(PSLIST_HEADER ListHead)
{
    guard_touch_write(ListHead);
    *ListHead = (SLIST_HEADER){{0, 0}};
}

PSLIST_ENTRY NTAPI
ExpInterlockedPushEntrySList(PSLIST_HEADER ListHead, PSLIST_ENTRY ListEntry)
{
    PSLIST_ENTRY first;
    uint64_t were_on;

    guard_touch_write(ListHead);
    guard_touch_write(ListEntry);
    were_on = enter();
    first = (PSLIST_ENTRY)(uintptr_t)ListHead->Region;
    ListEntry->Next = first;
    ListHead->Region = (uintptr_t)ListEntry;
    ListHead->Alignment = (ListHead->Alignment & ~0xffffull) | ((ListHead->Alignment + 1) & 0xffff);
    leave(were_on);
    return first;
}

PSLIST_ENTRY NTAPI
ExpInterlockedPopEntrySList(PSLIST_HEADER ListHead)
{
    PSLIST_ENTRY first, next = NULL;
    uint64_t were_on;

    guard_touch_write(ListHead);
    first = (PSLIST_ENTRY)(uintptr_t)ListHead->Region;
    if (first)
        guard_touch(first);
    were_on = enter();
    first = (PSLIST_ENTRY)(uintptr_t)ListHead->Region;
    if (first) {
        next = first->Next;
        ListHead->Region = (uintptr_t)next;
        ListHead->Alignment = (ListHead->Alignment & ~0xffffull) | ((ListHead->Alignment - 1) & 0xffff);
    }
    leave(were_on);
    return first;
}

PSLIST_ENTRY NTAPI
ExpInterlockedFlushSList(PSLIST_HEADER ListHead)
{
    PSLIST_ENTRY first;
    uint64_t were_on;

    guard_touch_write(ListHead);
    were_on = enter();
    first = (PSLIST_ENTRY)(uintptr_t)ListHead->Region;
    *ListHead = (SLIST_HEADER){{0, 0}};
    leave(were_on);
    return first;
}

USHORT NTAPI
ExQueryDepthSList(PSLIST_HEADER ListHead)
{
    guard_touch(ListHead);
    return (USHORT)ListHead->Alignment;
}

/* The head and both neighbours of a place, in the driver's name, before interrupts are off. */
static void
touch_list(PLIST_ENTRY head)
{
    PLIST_ENTRY around[2];

    guard_touch_write(head);
    guard_copy(around, head, sizeof(around));
    guard_touch_write(around[0]);
    guard_touch_write(around[1]);
}

static void
insert(PLIST_ENTRY before, PLIST_ENTRY entry, PLIST_ENTRY after)
{
    entry->Flink = after;
    entry->Blink = before;
    before->Flink = entry;
    after->Blink = entry;
}

PLIST_ENTRY NTAPI
ExInterlockedInsertHeadList(PLIST_ENTRY ListHead, PLIST_ENTRY ListEntry, PKSPIN_LOCK Lock)
{
    uint64_t were_on;
    PLIST_ENTRY first;

    touch_list(ListHead);
    guard_touch_write(ListEntry);
    were_on = enter();
    first = ListHead->Flink;
    insert(ListHead, ListEntry, first);
    leave(were_on);
    return first == ListHead ? NULL : first;
}

PLIST_ENTRY NTAPI
ExInterlockedInsertTailList(PLIST_ENTRY ListHead, PLIST_ENTRY ListEntry, PKSPIN_LOCK Lock)
{
    uint64_t were_on;
    PLIST_ENTRY last;

    touch_list(ListHead);
    guard_touch_write(ListEntry);
    were_on = enter();
    last = ListHead->Blink;
    insert(last, ListEntry, ListHead);
    leave(were_on);
    return last == ListHead ? NULL : last;
}

PLIST_ENTRY NTAPI
ExInterlockedRemoveHeadList(PLIST_ENTRY ListHead, PKSPIN_LOCK Lock)
{
    uint64_t were_on;
    PLIST_ENTRY first;

    touch_list(ListHead);
    were_on = enter();
    first = ListHead->Flink;
    if (first != ListHead) {
        ListHead->Flink = first->Flink;
        first->Flink->Blink = ListHead;
    }
    leave(were_on);
    return first == ListHead ? NULL : first;
}

LARGE_INTEGER NTAPI
ExInterlockedAddLargeInteger(PLARGE_INTEGER Addend, LARGE_INTEGER Increment, PKSPIN_LOCK Lock)
{
    guard_touch_write(Addend);
    return (LARGE_INTEGER){
        .QuadPart = __atomic_fetch_add(&Addend->QuadPart, Increment.QuadPart, __ATOMIC_SEQ_CST)};
}

ULONG NTAPI
ExInterlockedAddUlong(PULONG Addend, ULONG Increment, PKSPIN_LOCK Lock)
{
    guard_touch_write(Addend);
    return __atomic_fetch_add(Addend, Increment, __ATOMIC_SEQ_CST);
}
