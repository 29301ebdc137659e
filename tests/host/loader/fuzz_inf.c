// Any bytes as an INF file: refused with a line, or read and matched within the arena.
// sources: drivers/loader/inf.c drivers/loader/match.c lib/parse.c lib/format.c
#include "drivers/loader/match.h"
#include "tests/host/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct inf_fault fault;
    struct device_ids ids;
    struct match m;
    struct inf inf;
    char *arena = malloc(INF_ARENA(size));

    match_pci_ids(&ids, 0x8086, 0x2922, 0x11001af4, 2, 0x010601);
    if (!inf_parse(data, size, arena, INF_ARENA(size), &inf, &fault))
        (void)(match_inf(&inf, &ids, &m, &fault) + match_default(&inf, &m, &fault) +
               match_root(&inf, &m, &fault) + match_check(&inf, &fault));
    else if (!fault.rule)
        abort();
    free(arena);
    return 0;
}
