#include "drivers/loader/status.h"
#include "drivers/ddk/ntdef.h"
#include "lib/field.h"
#include "lib/format.h"

#define NAMED(name)                                                                                          \
    {                                                                                                        \
        (uint32_t)(name), #name                                                                              \
    }

static const struct {
    uint32_t status;
    const char *name;
} names[] = {
    NAMED(STATUS_UNSUCCESSFUL),
    NAMED(STATUS_NOT_IMPLEMENTED),
    NAMED(STATUS_ACCESS_VIOLATION),
    NAMED(STATUS_INVALID_PARAMETER),
    NAMED(STATUS_NO_SUCH_DEVICE),
    NAMED(STATUS_INVALID_DEVICE_REQUEST),
    NAMED(STATUS_NO_MEMORY),
    NAMED(STATUS_BUFFER_TOO_SMALL),
    NAMED(STATUS_OBJECT_NAME_NOT_FOUND),
    NAMED(STATUS_REVISION_MISMATCH),
    NAMED(STATUS_INSUFFICIENT_RESOURCES),
    NAMED(STATUS_DEVICE_NOT_READY),
    NAMED(STATUS_IO_TIMEOUT),
    NAMED(STATUS_NOT_SUPPORTED),
    NAMED(STATUS_DEVICE_DOES_NOT_EXIST),
    NAMED(STATUS_IO_DEVICE_ERROR),
    NAMED(STATUS_DEVICE_CONFIGURATION_ERROR),
    NAMED(STATUS_ADAPTER_HARDWARE_ERROR),
};

const char *
status_text(uint32_t status, char text[STATUS_TEXT])
{
    const char *name = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (names[i].status == status)
            name = names[i].name;
    if (name)
        snprintf(text, STATUS_TEXT, "%s (%#010x)", name, status);
    else
        snprintf(text, STATUS_TEXT, "%#010x", status);
    return text;
}
