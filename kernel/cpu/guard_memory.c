/*
 * Memory that a driver names, touched in its name: a fault here is the driver's (guard.h). So nothing here calls anything.
 */
#include "kernel/cpu/guard.h"
#include "kernel/cpu/irql.h"

KERNEL_LEAF void
guard_touch(const void *p)
{
    __asm__ volatile("testb $0, %0" ::"m"(*(const char *)p) : "cc", "memory");
}

KERNEL_LEAF void
guard_touch_write(void *p)
{
    __asm__ volatile("lock orb $0, %0" : "+m"(*(char *)p)::"cc", "memory");
}

KERNEL_LEAF void
guard_copy(void *to, const void *from, size_t n)
{
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n)::"memory");
}

KERNEL_LEAF void
guard_move(void *to, const void *from, size_t n)
{
    if ((uintptr_t)to - (uintptr_t)from >= n) { /* also when it lies below */
        __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n)::"memory");
        return;
    }
    to = (char *)to + n - 1;
    from = (const char *)from + n - 1;
    __asm__ volatile("std; rep movsb; cld" : "+D"(to), "+S"(from), "+c"(n)::"memory", "cc");
}

KERNEL_LEAF void
guard_fill(void *to, int byte, size_t n)
{
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(byte) : "memory");
}

/* A byte that the compiler neither keeps nor takes for part of a loop that it knows. */
static inline __attribute__((always_inline)) uint8_t
byte_at(const void *p)
{
    uint8_t b;

    __asm__ volatile("movb %1, %0" : "=q"(b) : "m"(*(const uint8_t *)p) : "memory");
    return b;
}

KERNEL_LEAF size_t
guard_compare(const void *a, const void *b, size_t n)
{
    size_t i = 0;

    while (i < n && byte_at((const char *)a + i) == byte_at((const char *)b + i))
        i++;
    return i;
}

KERNEL_LEAF size_t
guard_text(char *to, const char *from, size_t size)
{
    size_t i = 0;

    for (; i + 1 < size && (to[i] = (char)byte_at(from + i)) != 0; i++)
        ;
    to[i] = 0;
    return i;
}

KERNEL_LEAF size_t
guard_text16(char *to, const uint16_t *from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint16_t c = (uint16_t)(byte_at(&from[i]) | byte_at((const char *)&from[i] + 1) << 8);

        if (!c) {
            n = i;
            break;
        }
        to[i] = c >= ' ' && c <= '~' ? (char)c : '?';
    }
    to[n] = 0;
    return n;
}

KERNEL_LEAF void
guard_lock(uint64_t *lock, uint64_t who)
{
    uint64_t nobody = 0;

    while (!__atomic_compare_exchange_n(lock, &nobody, who, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        while (__atomic_load_n(lock, __ATOMIC_RELAXED))
            cpu_relax();
        nobody = 0;
    }
}

KERNEL_LEAF bool
guard_trylock(uint64_t *lock, uint64_t who)
{
    uint64_t nobody = 0;

    return __atomic_compare_exchange_n(lock, &nobody, who, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

KERNEL_LEAF void
guard_unlock(uint64_t *lock)
{
    __atomic_store_n(lock, 0, __ATOMIC_RELEASE);
}
