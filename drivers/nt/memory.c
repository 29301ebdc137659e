/*
 * Pools, lookaside lists, contiguous memory, device memory and memory descriptors.
 */
#include "drivers/loader/driver.h"
#include "drivers/nt/block.h"
#include "drivers/nt/nt_impl.h"
#include "kernel/cpu/paging.h"
#include "kernel/mem/dma.h"
#include "kernel/mem/pool.h"
#include "kernel/mem/space.h"
#include "kernel/sync/work.h"
#include "lib/canary.h"

#define NT_TAG                  POOL_TAG('n', 't', 'p', 'l')
#define POOL_FLAG_UNINITIALIZED 2           /* of ExAllocatePool2, which otherwise gives zeros */
#define NONE_TAG                0x656e6f4eu /* "None" */

#define POOL_LARGEST (4u << 20) /* what the kernel's pool gives at once; more is in single frames */

#define CALLER ((uintptr_t)__builtin_return_address(0))

static void
large_free(struct work *w)
{
    space_free(w);
}

/* By its size: from the pool, or in single frames, which are given back at PASSIVE_LEVEL. */
static void
pool_block_free(const struct block_info *b)
{
    struct work *w = b->address; /* nobody else needs it any more */

    if (b->size <= POOL_LARGEST - CANARY_SIZE) {
        pool_free(b->address, NT_TAG);
    } else if (irql_current() == PASSIVE_LEVEL) {
        space_free(b->address);
    } else {
        work_item_init(w, large_free);
        (void)work_queue(w);
    }
}

static void
block_free(const struct block_info *b)
{
    struct dma_buffer dma = {b->address, virt_to_phys(b->address), ALIGN_UP(b->size, PAGE_SIZE)};

    switch (b->kind) {
    case BLOCK_CONTIGUOUS:
        dma_free(&dma);
        break;
    case BLOCK_IO:
        space_unmap(b->address);
        break;
    case BLOCK_POOL:
        pool_block_free(b);
        break;
    default:
        pool_free(b->address, NT_TAG);
    }
}

/* Keep account of a block, or give it back. */
static void *
block_note(void *p, size_t size, enum block_kind kind, uint32_t tag, uintptr_t caller)
{
    const struct block_info b = {p, size, tag, (uint8_t)kind, caller};

    if (!p || !block_add(&b))
        return p;
    block_free(&b);
    return NULL;
}

static void
give_back(void *p, enum block_kind kind, const char *routine)
{
    struct block_info b;
    bool whole;

    if (!block_take(p, kind, &b)) {
        guard_stop("gave %p to %s, which it was not given by its counterpart, or has given back before", p,
                   routine);
        return;
    }
    whole = kind != BLOCK_POOL || canary_alive((const uint8_t *)p + b.size, CANARY_SIZE);
    block_free(&b);
    if (!whole)
        guard_stop("wrote behind its pool block at %p of %lu bytes", p, b.size);
}

/* The disk of a virtual miniport for one, which asks when it is started. */
static void *
large_alloc(SIZE_T size)
{
    return irql_current() == PASSIVE_LEVEL && size <= SIZE_MAX - CANARY_SIZE
               ? space_alloc(size + CANARY_SIZE, MAP_WRITE)
               : NULL;
}

/* Behind every block of the pool lie bytes that have to be there still when it is given back. */
static void *
allocate(SIZE_T size, uint32_t tag, bool zero, uintptr_t caller)
{
    uint8_t *p = size > POOL_LARGEST - CANARY_SIZE ? large_alloc(size)
                 : zero                            ? pool_zalloc(size + CANARY_SIZE, NT_TAG)
                                                   : pool_alloc(size + CANARY_SIZE, NT_TAG);

    if (p)
        canary_set(p + size, CANARY_SIZE);
    return block_note(p, size, BLOCK_POOL, tag, caller);
}

PVOID NTAPI
ExAllocatePoolWithTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    return allocate(NumberOfBytes, Tag, false, CALLER);
}

PVOID NTAPI
ExAllocatePool(POOL_TYPE PoolType, SIZE_T NumberOfBytes)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    return allocate(NumberOfBytes, NONE_TAG, false, CALLER);
}

PVOID NTAPI
ExAllocatePool2(ULONG64 Flags, SIZE_T NumberOfBytes, ULONG Tag)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    return allocate(NumberOfBytes, Tag, !(Flags & POOL_FLAG_UNINITIALIZED), CALLER);
}

VOID NTAPI
ExFreePoolWithTag(PVOID P, ULONG Tag)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    give_back(P, BLOCK_POOL, "ExFreePoolWithTag");
}

VOID NTAPI
ExFreePool(PVOID P)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    give_back(P, BLOCK_POOL, "ExFreePool");
}

/* Compiled drivers take from and put into the list inline, and call Allocate and Free when it is empty or full. */
VOID NTAPI
ExInitializeNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside, PALLOCATE_FUNCTION Allocate,
                                PFREE_FUNCTION Free, ULONG Flags, SIZE_T Size, ULONG Tag, USHORT Depth)
{
    const NPAGED_LOOKASIDE_LIST made = {.L = {.Depth = 256,
                                              .MaximumDepth = 256,
                                              .Type = NonPagedPool,
                                              .Tag = Tag,
                                              .Size = (ULONG)MAX(Size, sizeof(SLIST_ENTRY)),
                                              .Allocate = Allocate ? Allocate : ExAllocatePoolWithTag,
                                              .Free = Free ? Free : ExFreePool}};

    guard_copy(Lookaside, &made, sizeof(made));
}

VOID NTAPI
ExDeleteNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside)
{
    PSLIST_ENTRY e;

    guard_touch_write(Lookaside);
    while ((e = ExpInterlockedPopEntrySList(&Lookaside->L.ListHead)) != NULL) {
        if (Lookaside->L.Free == ExFreePool)
            ExFreePool(e);
        else /* the driver's own, called in its call */
            Lookaside->L.Free(e);
    }
}

/* ---- contiguous memory: cached, as x86 keeps DMA coherent ---- */

static void *
contiguous(SIZE_T size, uint64_t highest, uint64_t boundary, uintptr_t caller)
{
    const struct dma_limits limits = {highest, 0, boundary & (boundary - 1) ? 0 : boundary};
    struct dma_buffer b;

    return dma_alloc(size, &limits, &b) ? NULL : block_note(b.va, size, BLOCK_CONTIGUOUS, 0, caller);
}

PVOID NTAPI
MmAllocateContiguousMemory(SIZE_T NumberOfBytes, PHYSICAL_ADDRESS HighestAcceptableAddress)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    return contiguous(NumberOfBytes, (uint64_t)HighestAcceptableAddress.QuadPart, 0, CALLER);
}

PVOID NTAPI
MmAllocateContiguousMemorySpecifyCache(SIZE_T NumberOfBytes, PHYSICAL_ADDRESS Lowest,
                                       PHYSICAL_ADDRESS Highest, PHYSICAL_ADDRESS Boundary,
                                       MEMORY_CACHING_TYPE CacheType)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    return contiguous(NumberOfBytes, (uint64_t)Highest.QuadPart, (uint64_t)Boundary.QuadPart, CALLER);
}

VOID NTAPI
MmFreeContiguousMemory(PVOID BaseAddress)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    give_back(BaseAddress, BLOCK_CONTIGUOUS, "MmFreeContiguousMemory");
}

VOID NTAPI
MmFreeContiguousMemorySpecifyCache(PVOID BaseAddress, SIZE_T NumberOfBytes, MEMORY_CACHING_TYPE CacheType)
{
    MmFreeContiguousMemory(BaseAddress);
}

PVOID NTAPI
MmAllocateNonCachedMemory(SIZE_T NumberOfBytes)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    return contiguous(NumberOfBytes, 0, 0, CALLER);
}

VOID NTAPI
MmFreeNonCachedMemory(PVOID BaseAddress, SIZE_T NumberOfBytes)
{
    MmFreeContiguousMemory(BaseAddress);
}

/* ---- addresses ---- */

PVOID NTAPI
MmMapIoSpace(PHYSICAL_ADDRESS PhysicalAddress, SIZE_T NumberOfBytes, MEMORY_CACHING_TYPE CacheType)
{
    unsigned flags = MAP_WRITE | (CacheType == MmCached          ? 0
                                  : CacheType == MmWriteCombined ? MAP_WRITE_COMBINING
                                                                 : MAP_UNCACHED);

    NT_IRQL_MAX(DISPATCH_LEVEL);
    if (mem_overlaps((uint64_t)PhysicalAddress.QuadPart, NumberOfBytes)) {
        log_warn("nt: a driver was refused to map memory at %#llx as device memory",
                 PhysicalAddress.QuadPart);
        return NULL;
    }
    return block_note(space_map((uint64_t)PhysicalAddress.QuadPart, NumberOfBytes, flags), NumberOfBytes,
                      BLOCK_IO, 0, CALLER);
}

PVOID NTAPI
MmMapIoSpaceEx(PHYSICAL_ADDRESS PhysicalAddress, SIZE_T NumberOfBytes, ULONG Protect)
{
    return MmMapIoSpace(PhysicalAddress, NumberOfBytes, MmNonCached);
}

VOID NTAPI
MmUnmapIoSpace(PVOID BaseAddress, SIZE_T NumberOfBytes)
{
    NT_IRQL_MAX(PASSIVE_LEVEL);
    give_back(BaseAddress, BLOCK_IO, "MmUnmapIoSpace");
}

PHYSICAL_ADDRESS NTAPI
MmGetPhysicalAddress(PVOID BaseAddress)
{
    uint64_t pa;

    return (PHYSICAL_ADDRESS){.QuadPart = space_physical(BaseAddress, &pa) ? (LONGLONG)pa : 0};
}

/* NULL: it is no memory of the machine's. */
PVOID NTAPI
MmGetVirtualForPhysical(PHYSICAL_ADDRESS PhysicalAddress)
{
    return frame_of((uint64_t)PhysicalAddress.QuadPart) ? phys_to_virt((uint64_t)PhysicalAddress.QuadPart)
                                                        : NULL;
}

BOOLEAN NTAPI
MmIsAddressValid(PVOID VirtualAddress)
{
    return memory_readable(VirtualAddress, 1);
}

MM_SYSTEMSIZE NTAPI
MmQuerySystemSize(VOID)
{
    return MmMediumSystem;
}

/* ---- memory descriptor lists, of memory of the kernel's half ---- */

PMDL NTAPI
IoAllocateMdl(PVOID VirtualAddress, ULONG Length, BOOLEAN SecondaryBuffer, BOOLEAN ChargeQuota,
              struct _IRP *Irp)
{
    size_t pages = ADDRESS_AND_SIZE_TO_SPAN_PAGES(VirtualAddress, Length),
           size = sizeof(MDL) + pages * sizeof(PFN_NUMBER);
    MDL *mdl;

    NT_IRQL_MAX(DISPATCH_LEVEL);
    if (size > INT16_MAX)
        return NULL;
    mdl = block_note(pool_zalloc(size, NT_TAG), size, BLOCK_MDL, 0, CALLER);
    if (mdl)
        *mdl = (MDL){.Size = (CSHORT)size,
                     .StartVa = PAGE_ALIGN(VirtualAddress),
                     .ByteCount = Length,
                     .ByteOffset = BYTE_OFFSET(VirtualAddress)};
    return mdl;
}

VOID NTAPI
IoFreeMdl(PMDL Mdl)
{
    NT_IRQL_MAX(DISPATCH_LEVEL);
    give_back(Mdl, BLOCK_MDL, "IoFreeMdl");
}

VOID NTAPI
MmBuildMdlForNonPagedPool(PMDL Mdl)
{
    size_t pages;

    guard_touch_write(Mdl);
    pages = ADDRESS_AND_SIZE_TO_SPAN_PAGES(MmGetMdlVirtualAddress(Mdl), Mdl->ByteCount);
    if ((size_t)Mdl->Size < sizeof(MDL) + pages * sizeof(PFN_NUMBER))
        guard_stop("passed a memory descriptor list of %d bytes for %zu pages", Mdl->Size, pages);
    for (size_t i = 0; i < pages; i++) {
        uint64_t pa;

        if (!space_physical((char *)Mdl->StartVa + i * PAGE_SIZE, &pa))
            guard_stop("described memory at %p that is not mapped", (char *)Mdl->StartVa + i * PAGE_SIZE);
        MmGetMdlPfnArray(Mdl)[i] = pa >> PAGE_SHIFT;
    }
    Mdl->MappedSystemVa = MmGetMdlVirtualAddress(Mdl);
    Mdl->MdlFlags |= MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL;
}

/* Memory that MmBuildMdlForNonPagedPool() described is mapped. */
PVOID NTAPI
MmMapLockedPages(PMDL Mdl, KPROCESSOR_MODE AccessMode)
{
    guard_touch(Mdl);
    return Mdl->MappedSystemVa;
}

PVOID NTAPI
MmMapLockedPagesSpecifyCache(PMDL Mdl, KPROCESSOR_MODE AccessMode, MEMORY_CACHING_TYPE CacheType,
                             PVOID RequestedAddress, ULONG BugCheckOnFailure, ULONG Priority)
{
    return MmMapLockedPages(Mdl, AccessMode);
}

VOID NTAPI
MmUnmapLockedPages(PVOID BaseAddress, PMDL Mdl)
{
    guard_touch(Mdl);
}

void
nt_driver_gone(const void *start, size_t size)
{
    struct block_info b;
    unsigned left = 0;
    uint32_t tag = 0;

    nt_timer_gone(start, size);
    nt_dpc_gone(start, size);
    for (; block_take_of((uintptr_t)start, size, &b); left++) {
        tag = b.tag;
        block_free(&b);
    }
    if (left)
        log_warn(
            "nt: an unloaded driver left %u allocations behind (the last with tag %.4s); they are given back",
            left, (const char *)&tag);
}
