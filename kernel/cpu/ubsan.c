/*
 * What UBSan-instrumented code calls (debug builds): every violation is a panic with file and line.
 * The layouts are the compilers' run-time ABI, shared by GCC and clang: each handler's data starts with a
 * location, but for type_mismatch_v1 and the rest alike.
 */
#include "kernel/console/log.h"

#if DEBUG
struct location {
    const char *file;
    uint32_t line, column;
};

struct with_location {
    struct location at;
};

static _Noreturn void
violation(const struct with_location *data, const char *what)
{
    panic("undefined behaviour: %s at %s:%u:%u", what, data->at.file, data->at.line, data->at.column);
}

/* All handlers take the data first; the operands' values are not needed to find the place. */
#define HANDLER(name, what)                                                                                  \
    void __ubsan_handle_##name(const struct with_location *data);                                            \
    void __ubsan_handle_##name(const struct with_location *data)                                             \
    {                                                                                                        \
        violation(data, what);                                                                               \
    }

HANDLER(add_overflow, "signed addition overflows")
HANDLER(sub_overflow, "signed subtraction overflows")
HANDLER(mul_overflow, "signed multiplication overflows")
HANDLER(negate_overflow, "negation overflows")
HANDLER(divrem_overflow, "division by zero or overflow")
HANDLER(shift_out_of_bounds, "shift amount or value out of range")
HANDLER(out_of_bounds, "array index out of range")
HANDLER(type_mismatch_v1, "null, misaligned or too small object")
HANDLER(pointer_overflow, "pointer arithmetic overflows")
HANDLER(vla_bound_not_positive, "array of variable length with no element")
HANDLER(load_invalid_value, "value not valid for its type")
HANDLER(builtin_unreachable, "unreachable code reached")
HANDLER(missing_return, "function without a return value")
HANDLER(invalid_builtin, "argument not valid for a builtin")
HANDLER(function_type_mismatch, "call through a pointer of another type")
HANDLER(nonnull_arg, "null passed where it must not be")
#endif
