/*
 * A stream cipher (ChaCha20, RFC 8439) over a key that comes from the processor's random numbers, where it has them, and
 * from the jitter of its clock; each request ends with a new key, so what was given out cannot be found out later.
 */
#include "kernel/hw/random.h"
#include "kernel/cpu/features.h"
#include "kernel/cpu/tsc.h"
#include "kernel/sync/spin.h"
#include "lib/field.h"
#include "lib/string.h"

#define BLOCK 64
#define WORDS 16

static spinlock_t lock = SPINLOCK(LOCK_DEVICE, "random");
static uint32_t key[8]; /* [lock] */
static bool seeded;     /* [lock] */

static uint32_t
rotate(uint32_t v, unsigned by)
{
    return v << by | v >> (32 - by);
}

static void
quarter(uint32_t *s, unsigned a, unsigned b, unsigned c, unsigned d)
{
    s[a] += s[b];
    s[d] = rotate(s[d] ^ s[a], 16);
    s[c] += s[d];
    s[b] = rotate(s[b] ^ s[c], 12);
    s[a] += s[b];
    s[d] = rotate(s[d] ^ s[a], 8);
    s[c] += s[d];
    s[b] = rotate(s[b] ^ s[c], 7);
}

static void
block_make(const uint32_t from[8], uint32_t counter, uint32_t out[WORDS])
{
    uint32_t s[WORDS] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, from[0], from[1], from[2],
                         from[3],    from[4],    from[5],    from[6],    from[7], counter};

    memcpy(out, s, sizeof(s));
    for (unsigned i = 0; i < 10; i++) {
        quarter(s, 0, 4, 8, 12);
        quarter(s, 1, 5, 9, 13);
        quarter(s, 2, 6, 10, 14);
        quarter(s, 3, 7, 11, 15);
        quarter(s, 0, 5, 10, 15);
        quarter(s, 1, 6, 11, 12);
        quarter(s, 2, 7, 8, 13);
        quarter(s, 3, 4, 9, 14);
    }
    for (unsigned i = 0; i < WORDS; i++)
        out[i] += s[i];
}

/* Lock held. Mixing in can only add. */
static void
stir(unsigned rounds)
{
    uint32_t out[WORDS];

    for (unsigned i = 0; i < rounds; i++) {
        uint64_t v = tsc_ticks() ^ cpu_random();

        key[i % 8] ^= (uint32_t)v;
        key[(i + 1) % 8] ^= (uint32_t)(v >> 32);
        block_make(key, i, out);
        memcpy(key, out, sizeof(key));
    }
}

void
random_bytes(void *to, size_t n)
{
    uint8_t old = spin_lock(&lock);
    uint32_t out[WORDS], counter = 1;

    stir(seeded ? 1 : 256);
    seeded = true;
    for (size_t done = 0; done < n; done += BLOCK) {
        block_make(key, counter++, out);
        memcpy((char *)to + done, out, MIN(n - done, (size_t)BLOCK));
    }
    block_make(key, 0, out);
    memcpy(key, out, sizeof(key));
    spin_unlock(&lock, old);
}
