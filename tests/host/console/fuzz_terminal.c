// Any bytes written to a terminal of any size: the cursor and the region stay inside, no cell outside is touched.
// sources: kernel/console/terminal.c lib/utf.c
#include <assert.h>
#include <stdlib.h>
#include "kernel/console/terminal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct terminal t;
    struct cell *cells;
    unsigned columns, rows;

    if (size < 2)
        return 0;
    columns = 1 + data[0] % 32;
    rows = 1 + data[1] % 16;
    cells = malloc(columns * rows * sizeof(*cells));
    terminal_init(&t, cells, columns, rows);
    for (size_t i = 2; i < size; i++) {
        terminal_write(&t, (const char *)data + i, 1);
        assert(t.column <= t.columns && t.row < t.rows);
        assert(t.top < t.bottom && t.bottom <= t.rows);
    }
    free(cells);
    return 0;
}
