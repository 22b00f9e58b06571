/*
 * See instructions.h. A CPU finds nothing here: what is wrong under an emulator is so shown to be
 * its own fault.
 */
#include "instructions.h"

#include "target_avx512.h"

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* One call: want is cleared before. */
typedef struct args {
    uint8_t in[64], old[64], want[64], got[64];
    uint64_t mask;
} args;

BITX_AVX512_INLINE __m512i in_register(const uint8_t *p)
{
    __m512i x = load512(p);
    __asm__("" : "+v"(x));
    return x;
}

static void want_compressed(args *a, size_t width)
{
    size_t n = 0;
    for (size_t i = 0; i < 64 / width; i++)
        if (a->mask >> i & 1)
            memcpy(a->want + width * n++, a->in + width * i, width);
}

BITX_AVX512 static void compress_u8(args *a)
{
    want_compressed(a, 1);
    store512(a->got, _mm512_maskz_compress_epi8(a->mask, in_register(a->in)));
}

BITX_AVX512 static void compress_u16(args *a)
{
    want_compressed(a, 2);
    store512(a->got, _mm512_maskz_compress_epi16((__mmask32)a->mask, in_register(a->in)));
}

static void want_expanded(args *a, size_t width)
{
    size_t n = 0;
    for (size_t i = 0; i < 64 / width; i++)
        if (a->mask >> i & 1)
            memcpy(a->want + width * i, a->in + width * n++, width);
}

BITX_AVX512 static void expand_u8(args *a)
{
    want_expanded(a, 1);
    store512(a->got, _mm512_maskz_expand_epi8(a->mask, in_register(a->in)));
}

BITX_AVX512 static void expand_u16(args *a)
{
    want_expanded(a, 2);
    store512(a->got, _mm512_maskz_expand_epi16((__mmask32)a->mask, in_register(a->in)));
}

BITX_AVX512 static void expand_u8_memory(args *a)
{
    __m512i r;
    want_expanded(a, 1);
    __asm__("vpexpandb %1, %0%{%2%}%{z%}" : "=v"(r) : "m"(a->in), "Yk"(a->mask));
    store512(a->got, r);
}

BITX_AVX512 static void expand_u16_memory(args *a)
{
    __m512i r;
    want_expanded(a, 2);
    __asm__("vpexpandw %1, %0%{%2%}%{z%}" : "=v"(r) : "m"(a->in), "Yk"(a->mask));
    store512(a->got, r);
}

static void want_broadcast(args *a)
{
    for (size_t i = 0; i < 64; i++)
        a->want[i] = a->mask >> i & 1 ? a->in[0] : a->old[i];
}

BITX_AVX512 static void broadcast_register(args *a)
{
    __m512i r = load512(a->old);
    want_broadcast(a);
    __asm__("vpbroadcastb %1, %0%{%2%}" : "+v"(r) : "r"((unsigned)a->in[0]), "Yk"(a->mask));
    store512(a->got, r);
}

BITX_AVX512 static void broadcast_memory(args *a)
{
    __m512i r = load512(a->old);
    want_broadcast(a);
    __asm__("vpbroadcastb %1, %0%{%2%}" : "+v"(r) : "m"(a->in[0]), "Yk"(a->mask));
    store512(a->got, r);
}

/* Intel SDM: bit b of a byte is the parity of it and of row 7 - b of the qword's matrix. */
BITX_AVX512 static void affine(args *a)
{
    for (size_t i = 0; i < 64; i++)
        for (unsigned b = 0; b < 8; b++) {
            const unsigned row = a->old[(i & ~(size_t)7) + 7 - b];
            a->want[i] |= (uint8_t)(__builtin_parity(row & a->in[i]) << b);
        }
    store512(a->got, _mm512_gf2p8affine_epi64_epi8(in_register(a->in), in_register(a->old), 0));
}

/* 2 * old[i] halves of the lowest bit of an F16 above 2^(old[i] % 16 - 8), or one more: exact, or
   halfway between two, of which the even one is due. */
BITX_AVX512 static void narrow(args *a)
{
    uint32_t bits[16];
    for (size_t i = 0; i < 16; i++) {
        const uint32_t exponent = a->old[i] % 16, fraction = a->in[i], half = a->mask >> i & 1;
        bits[i] = (119 + exponent) << 23 | fraction << 13 | half << 12;
        const uint16_t want = (uint16_t)(((7 + exponent) << 10 | fraction) + (half & fraction));
        memcpy(a->want + 2 * i, &want, 2);
    }
    const __m512 x = _mm512_castsi512_ps(in_register((const uint8_t *)bits));
    _mm256_storeu_si256((__m256i *)(void *)a->got, _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}

BITX_AVX512 static void scatter(args *a)
{
    const uint64_t at[2] = {a->in[0] % 8, a->in[1] % 8};
    for (size_t i = 0; i < 2; i++)
        if (a->mask >> i & 1)
            memcpy(a->want + 8 * at[i], a->old + 8 * i, 8);
    __asm__ volatile("vmovdqu64 %1, %%xmm20; vmovdqu64 %2, %%xmm21; kmovq %3, %%k1;"
                     "vpscatterqq %%xmm21, (%0, %%xmm20, 8)%{%%k1%}"
                     :
                     : "r"(a->got), "m"(at), "m"(a->old), "r"(a->mask)
                     : "xmm20", "xmm21", "k1", "memory");
}

BITX_AVX512 static void gather(args *a)
{
    uint64_t at[8];
    __m512i r;
    for (size_t i = 0; i < 8; i++) {
        at[i] = a->in[i] % 8;
        memcpy(a->want + 8 * i, a->old + 8 * at[i], 8);
    }
    __asm__ volatile("vmovdqu64 %2, %%zmm20; kxnorw %%k1, %%k1, %%k1;"
                     "vpgatherqq (%1, %%zmm20, 8), %0%{%%k1%}"
                     : "=&v"(r)
                     : "r"(a->old), "m"(at)
                     : "xmm20", "k1", "memory");
    store512(a->got, r);
}

static const struct {
    const char *name;
    void (*run)(args *a);
    int avoided; /* in emulator.h's list */
} instructions[] = {
    {"vpcompressb zmm{k}{z}, zmm", compress_u8, 1},
    {"vpcompressw zmm{k}{z}, zmm", compress_u16, 1},
    {"vpexpandb zmm{k}{z}, zmm", expand_u8, 0},
    {"vpexpandb zmm{k}{z}, m512", expand_u8_memory, 1},
    {"vpexpandw zmm{k}{z}, zmm", expand_u16, 0},
    {"vpexpandw zmm{k}{z}, m512", expand_u16_memory, 1},
    {"vpbroadcastb zmm{k}, r32", broadcast_register, 0},
    {"vpbroadcastb zmm{k}, m8", broadcast_memory, 1},
    {"vgf2p8affineqb zmm, zmm, zmm, 0", affine, 1},
    {"vcvtps2ph ymm, zmm, 0", narrow, 1},
    {"vpgatherqq zmm{k}, [r64 + zmm20 * 8]", gather, 1},
    {"vpscatterqq [r64 + xmm20 * 8]{k}, xmm", scatter, 1},
};

/* splitmix64, as harness.c has it. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void random_args(args *a, uint64_t *random, unsigned turn)
{
    memset(a, 0, sizeof(*a));
    for (size_t i = 0; i < 64; i++) {
        a->in[i] = (uint8_t)next_random(random);
        a->old[i] = (uint8_t)next_random(random);
    }
    a->mask = turn % 4 ? next_random(random) : UINT64_MAX;
}

/* ---- the check ---- */

static sigjmp_buf fault;

static void on_fault(int signo, siginfo_t *info, void *context)
{
    (void)info, (void)context;
    siglongjmp(fault, signo);
}

/* An instruction that the CPU does not know is wrong, too. */
static int is_wrong(void (*run)(args *), args *a)
{
    if (sigsetjmp(fault, 1))
        return 1;
    run(a);
    return memcmp(a->got, a->want, 64) != 0;
}

int instructions_wrong;

int check_instructions(void)
{
    enum { TURNS = 100 };
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    int unknown = 0;
    sigaction(SIGILL, &action, NULL);
    instructions_wrong = 0;
    for (size_t k = 0; k < sizeof(instructions) / sizeof(instructions[0]); k++) {
        uint64_t random = 1;
        int wrong = 0;
        for (unsigned turn = 0; turn < TURNS; turn++) {
            args a;
            random_args(&a, &random, turn);
            wrong += is_wrong(instructions[k].run, &a);
        }
        if (!wrong)
            continue;
        instructions_wrong++;
        unknown += !instructions[k].avoided;
        printf("%s: wrong in %d of %d%s\n", instructions[k].name, wrong, TURNS,
               instructions[k].avoided ? ": avoided (tests/bare/emulator.h)" : ": FAILED");
    }
    return unknown;
}
