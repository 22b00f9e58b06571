/* What this CPU and its OS can run (can), and what of it is worth running (should). */
#include "cpu.h"

#include <stddef.h>
#include <stdint.h>

static const char wrong_arch[] = "built for another architecture";

#if defined(__x86_64__)

#    include <cpuid.h>

typedef struct regs {
    unsigned eax, ebx, ecx, edx;
} regs;

static regs cpuid(unsigned leaf, unsigned subleaf)
{
    regs r = {0, 0, 0, 0};
    __get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx);
    return r;
}

/* XCR0: the register state that the OS saves on a context switch. Only after OSXSAVE was seen. */
static uint64_t xgetbv0(void)
{
    uint32_t lo, hi;
    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return (uint64_t)hi << 32 | lo;
}

static int has(unsigned reg, unsigned bits)
{
    return (reg & bits) == bits;
}

/* Bit numbers: Intel SDM volume 2A, CPUID, leaves 1, 7 and 80000001h. */
enum { XCR0_SSE_AVX = 0x06, XCR0_AVX512 = 0xe6 };
#    define BIT(n) (1u << (n))
static const unsigned leaf1_ecx_osxsave_avx = BIT(27) | BIT(28);
static const unsigned leaf1_ecx_popcnt = BIT(23);
static const unsigned leaf1_ecx_f16c = BIT(29);
static const unsigned leaf7_ebx_bmi1_avx2_bmi2 = BIT(3) | BIT(5) | BIT(8);
static const unsigned leaf7_ebx_f_dq_cd_bw_vl = BIT(16) | BIT(17) | BIT(28) | BIT(30) | BIT(31);
/* VBMI, VBMI2, GFNI, VNNI, BITALG, VPOPCNTDQ */
static const unsigned leaf7_ecx_icelake = BIT(1) | BIT(6) | BIT(8) | BIT(11) | BIT(12) | BIT(14);
static const unsigned ext1_ecx_lzcnt = BIT(5);

static const char *why_no_avx2(regs l1, regs l7, regs ext)
{
    if (!has(l1.ecx, leaf1_ecx_osxsave_avx))
        return "the CPU has no AVX, or the OS does not enable it";
    if (!has((unsigned)xgetbv0(), XCR0_SSE_AVX))
        return "the OS does not save the AVX registers";
    if (!has(l7.ebx, leaf7_ebx_bmi1_avx2_bmi2))
        return "the CPU has no AVX2 or BMI";
    if (!has(l1.ecx, leaf1_ecx_popcnt) || !has(ext.ecx, ext1_ecx_lzcnt))
        return "the CPU has no POPCNT or LZCNT";
    if (!has(l1.ecx, leaf1_ecx_f16c))
        return "the CPU has no F16C";
    return NULL;
}

static const char *why_no_avx512(regs l7)
{
    if (!has(l7.ebx, leaf7_ebx_f_dq_cd_bw_vl))
        return "the CPU has no AVX-512 F, DQ, CD, BW, VL";
    if (!has(l7.ecx, leaf7_ecx_icelake))
        return "the CPU's AVX-512 is below Ice Lake (VBMI, VBMI2, GFNI, VNNI, BITALG, VPOPCNTDQ)";
    if (!has((unsigned)xgetbv0(), XCR0_AVX512))
        return "the OS does not save the AVX-512 registers";
    return NULL;
}

/*
 * AMD family 17h (Zen, Zen+, Zen 2) and Hygon's 18h run pext and pdep in microcode, some 20 cycles
 * and more per set bit of the mask (Agner Fog, instruction tables).
 */
static int is_pext_fast(regs l0, regs l1)
{
    const unsigned auth = 0x68747541, hygo = 0x6f677948; /* "Auth"enticAMD, "Hygo"nGenuine */
    if (l0.ebx != auth && l0.ebx != hygo)
        return 1;
    unsigned family = l1.eax >> 8 & 0xf;
    if (family == 0xf)
        family += l1.eax >> 20 & 0xff;
    return family >= 0x19;
}

bitx_cpu bitx_cpu_detect(void)
{
    regs l0 = cpuid(0, 0), l1 = cpuid(1, 0), l7 = cpuid(7, 0), ext = cpuid(0x80000001u, 0);
    bitx_cpu cpu = {.no_neon = wrong_arch};
    cpu.no_avx2 = why_no_avx2(l1, l7, ext);
    cpu.no_avx512 = cpu.no_avx2 ? cpu.no_avx2 : why_no_avx512(l7);
    cpu.fast_pext = is_pext_fast(l0, l1);
    return cpu;
}

#elif defined(__aarch64__)

#    if defined(__linux__)
#        include <sys/auxv.h>
#        ifndef HWCAP_ASIMD
#            define HWCAP_ASIMD (1 << 1)
#        endif
static const char *why_no_neon(void)
{
    return getauxval(AT_HWCAP) & HWCAP_ASIMD ? NULL : "the CPU has no Advanced SIMD";
}
#    else
/* Every AArch64 system other than Linux that we know of requires Advanced SIMD. */
static const char *why_no_neon(void)
{
    return NULL;
}
#    endif

bitx_cpu bitx_cpu_detect(void)
{
    return (bitx_cpu){.no_avx2 = wrong_arch, .no_avx512 = wrong_arch, .no_neon = why_no_neon()};
}

#else

bitx_cpu bitx_cpu_detect(void)
{
    return (bitx_cpu){.no_avx2 = wrong_arch, .no_avx512 = wrong_arch, .no_neon = wrong_arch};
}

#endif
