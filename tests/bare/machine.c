/*
 * The machine under kernel_check: serial port, memory with pages that fault, faults as signals.
 * From boot.S; one CPU, no interrupts.
 */
#include "machine.h"

#include "dispatch/ops.h"
#include "instructions.h"

#include <cpuid.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- ports ---- */

static void out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}

static uint8_t in8(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

enum { COM1 = 0x3f8, LINE_CONTROL = COM1 + 3, LINE_STATUS = COM1 + 5, CAN_SEND = 0x20 };

static void start_serial(void)
{
    out8(COM1 + 1, 0);
    out8(LINE_CONTROL, 0x80); /* the divisor: 115200 baud */
    out8(COM1, 1);
    out8(COM1 + 1, 0);
    out8(LINE_CONTROL, 3); /* 8 bits */
}

void bare_put(char c)
{
    while (!(in8(LINE_STATUS) & CAN_SEND))
        continue;
    out8(COM1, (uint8_t)c);
}

void bare_exit(int code)
{
    printf("exit %d\n", code);
    while (!(in8(LINE_STATUS) & CAN_SEND))
        continue;
    for (const char *s = "Shutdown"; *s; s++) /* bochs's and its BIOS's way to end */
        out8(0x8900, (uint8_t)*s);
    for (;;)
        __asm__ volatile("hlt");
}

/* ---- memory ---- */

/* From the second GiB on, in pages of 4 KiB, on physical memory from 32 MiB on. */
enum { TABLES = 16, PAGE = 4096, PRESENT = 3 };
static const uintptr_t base = 1u << 30, physical = 32u << 20;
static uint64_t tables[TABLES * 512] __attribute__((aligned(PAGE)));
static uint64_t directory[512] __attribute__((aligned(PAGE)));
static size_t pages_taken;
extern uint64_t bare_pdpt[512], bare_pd[512];

static void start_memory(void)
{
    for (size_t i = 0; i < TABLES; i++)
        directory[i] = (uintptr_t)(tables + 512 * i) | PRESENT;
    bare_pdpt[1] = (uintptr_t)directory | PRESENT;
    bare_pd[0] = 0; /* NULL faults */
    __asm__ volatile("mov %%cr3, %%rax; mov %%rax, %%cr3" ::: "rax", "memory");
}

/* PROT_NONE: not there. */
int mprotect(void *p, size_t n, int protection)
{
    const size_t first = ((uintptr_t)p - base) / PAGE;
    for (size_t i = first; i < first + n / PAGE; i++) {
        tables[i] = protection == PROT_NONE ? 0 : (physical + i * PAGE) | PRESENT;
        __asm__ volatile("invlpg (%0)" ::"r"(base + i * PAGE) : "memory");
    }
    return 0;
}

void *mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
    (void)at, (void)flags, (void)fd, (void)offset;
    const size_t pages = (n + PAGE - 1) / PAGE;
    if (pages > TABLES * 512 - pages_taken)
        return MAP_FAILED;
    void *p = (void *)(base + pages_taken * PAGE);
    pages_taken += pages;
    mprotect(p, pages * PAGE, protection);
    return p;
}

void *malloc(size_t n)
{
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, 0, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

long sysconf(int name)
{
    return name == _SC_PAGESIZE ? PAGE : -1;
}

/* ---- faults ---- */

static void (*handlers[64])(int, siginfo_t *, void *);

int sigaction(int signo, const struct sigaction *action, struct sigaction *old)
{
    (void)old;
    handlers[signo] = action->sa_sigaction;
    return 0;
}

/* Only ever SIG_DFL, before raise(). */
__sighandler_t signal(int signo, __sighandler_t handler)
{
    (void)signo;
    return handler;
}

int raise(int signo)
{
    bare_exit(128 + signo);
}

void bare_fault(unsigned vector, void *address, const uint64_t *stack)
{
    siginfo_t info = {0};
    const int signo = vector == 0 || vector == 19 ? SIGFPE : vector == 6 ? SIGILL : SIGSEGV;
    /* As Linux has it: where the instruction is, or what it touched. */
    info.si_addr = signo != SIGSEGV ? (void *)stack[0] : vector == 14 ? address : NULL;
    if (handlers[signo])
        handlers[signo](signo, &info, NULL);
    printf("fault %u, address %p, stack %llx %llx\n", vector, address, (unsigned long long)stack[0],
           (unsigned long long)stack[1]);
    bare_exit(2);
}

static void start_faults(void)
{
    extern const uint8_t bare_faults[];
    static uint64_t idt[32][2];
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t at;
    } reg = {sizeof(idt) - 1, (uintptr_t)idt};
    for (uintptr_t i = 0; i < 32; i++) {
        const uint64_t at = (uintptr_t)bare_faults + 16 * i;
        idt[i][0] = (at & 0xffff) | 8 << 16 | UINT64_C(0x8e) << 40 | at >> 16 << 48;
    }
    __asm__ volatile("lidt %0" ::"m"(reg));
}

/* ---- the CPU ---- */

/* All of x87, SSE, AVX and AVX-512 that this CPU has. */
static void enable_vectors(void)
{
    unsigned a = 0, b, c, d;
    __get_cpuid_count(13, 0, &a, &b, &c, &d);
    __asm__ volatile("xsetbv" ::"a"(a & 0xe7), "d"(0), "c"(0));
}

int main(int argc, char **argv);

_Noreturn void bare_main(void)
{
    static char name[] = "kernel_check", prefix[] = BARE_PREFIX, isa[] = BARE_ISA;
    char *argv[] = {name, prefix, isa, NULL};
    start_serial();
    start_memory();
    start_faults();
    enable_vectors();
    const int unknown = bitx_isa_usable(BITX_ISA_AVX512) ? check_instructions() : 0;
    bare_exit(main(3, argv) != 0 || unknown != 0);
}
