/* Figures that must be exact: steps of known code, and what a file says of them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/figures.h"
#include "bench/floors.h"
#include "bench/steps.h"

#if defined(__x86_64__)
/* 1 + 10 x 2 + 1 instructions; a repeated string instruction counts once: 3 + 1 + 1; and one that
   calls memory at 0. */
__asm__(".text\n"
        "counted_loop: mov $10, %eax\n1: dec %eax\n jnz 1b\n ret\n"
        "counted_rep: mov $100, %ecx\n mov %rsi, %rdi\n xor %eax, %eax\n rep stosb\n ret\n"
        "counted_crash: xor %eax, %eax\n mov %eax, (%rax)\n ret\n");
void counted_loop(void);
void counted_rep(void);
void counted_crash(void);

static void call_loop(void *arg)
{
    (void)arg;
    counted_loop();
}

static void call_rep(void *arg)
{
    __asm__ volatile("call counted_rep" : : "S"(arg) : "rax", "rcx", "rdi", "memory", "cc");
}

#    ifndef __SANITIZE_ADDRESS__
static void call_crash(void *arg)
{
    (void)arg;
    counted_crash();
}
#    endif

Test(counts, steps_of_known_code)
{
    uint64_t n = 0;
    char buffer[128];
    cr_assert_null(bench_count_steps((bitx_fn)counted_loop, call_loop, NULL, &n));
    cr_expect_eq(n, 22, "%d", (int)n);
    cr_assert_null(bench_count_steps((bitx_fn)counted_rep, call_rep, buffer, &n));
    cr_expect_eq(n, 5, "%d", (int)n);
#    ifndef __SANITIZE_ADDRESS__ /* which takes the crash for its own */
    cr_expect_str_eq(bench_count_steps((bitx_fn)counted_crash, call_crash, NULL, &n),
                     "WRONG: crashes");
#    endif
    /* what is not called is not counted */
    cr_expect_not_null(bench_count_steps((bitx_fn)counted_rep, call_loop, NULL, &n));
}
#endif

static bench_change change_of(uint64_t value, uint64_t expected, double tolerance)
{
    bench_figure x;
    memset(&x, 0, sizeof(x));
    x.value = value;
    x.expected = expected;
    x.known = 1;
    return bench_figure_change(&x, tolerance);
}

Test(counts, verdicts)
{
    cr_expect_eq(change_of(1000, 1000, 0.02), BENCH_CHANGE_NONE);
    cr_expect_eq(change_of(999, 1000, 0.02), BENCH_CHANGE_LESS);
    cr_expect_eq(change_of(1020, 1000, 0.02), BENCH_CHANGE_MORE);
    cr_expect_eq(change_of(1021, 1000, 0.02), BENCH_CHANGE_ALARM);
    cr_expect_eq(change_of(1001, 1000, 0), BENCH_CHANGE_ALARM);
    cr_expect_eq(change_of(701, 1000, -0.3), BENCH_CHANGE_NONE);
    cr_expect_eq(change_of(699, 1000, -0.3), BENCH_CHANGE_ALARM);
}

static void add_floor(bench_figures *f, const char *name, uint64_t value)
{
    bench_figure *x = bench_figures_add(f, name);
    x->value = value;
    x->expected = 1000;
    x->known = 1;
}

/* A coder that is slower is so against both yardsticks; a faster memcpy is no alarm. */
Test(counts, floors)
{
    bench_figures f, again;
    memset(&f, 0, sizeof(f));
    memset(&again, 0, sizeof(again));
    add_floor(&f, "codec/a/encode/memcpy", 600);
    add_floor(&f, "codec/a/encode/zstd-3", 950);
    add_floor(&f, "codec/a/decode/memcpy", 690);
    add_floor(&f, "codec/a/decode/zstd-3", 699);
    add_floor(&f, "codec/ab/decode/zstd-3", 1000);
    cr_expect_eq(bench_floors_settle(&f), 2);
    cr_expect_eq(bench_figure_change(&f.at[0], BENCH_FLOOR_TOLERANCE), BENCH_CHANGE_MORE);
    cr_expect_eq(bench_figure_change(&f.at[2], BENCH_FLOOR_TOLERANCE), BENCH_CHANGE_ALARM);
    cr_expect_eq(bench_figure_change(&f.at[3], BENCH_FLOOR_TOLERANCE), BENCH_CHANGE_ALARM);
    add_floor(&again, "codec/a/encode/memcpy", 500);
    add_floor(&again, "codec/a/encode/zstd-3", 0);
    add_floor(&again, "codec/a/decode/memcpy", 650);
    add_floor(&again, "codec/a/decode/zstd-3", 720);
    bench_floors_best(&f, &again);
    cr_expect_eq(f.at[0].value, 600);
    cr_expect_eq(f.at[3].value, 720);
    cr_expect_eq(bench_floors_settle(&f), 0);
    bench_figures_free(&f);
    bench_figures_free(&again);
}

Test(counts, part_of_a_name)
{
    cr_expect(bench_part_of("xor,split/avx2", "kernel/split/avx2/L2"));
    cr_expect(!bench_part_of("xor,split/avx2", "kernel/split/avx512/L2"));
    cr_expect(!bench_part_of("", "kernel/split/avx512/L2"));
    cr_expect(!bench_part_of(NULL, "kernel/split/avx512/L2"));
}

/* Sections of other keys are neither read nor lost. */
Test(counts, files)
{
    char path[] = "/tmp/bench-counts-XXXXXX", text[512];
    int fd = mkstemp(path);
    cr_assert(fd >= 0);
    FILE *f = fdopen(fd, "w");
    cr_assert(f != NULL);
    fputs("# a comment\n[one]\na/1 10\nb/1 20\n[two]\na/1 99\n", f);
    cr_assert_eq(fclose(f), 0);
    bench_figures x;
    memset(&x, 0, sizeof(x));
    snprintf(x.key, sizeof(x.key), "one");
    bench_figures_add(&x, "a/1")->value = 11;
    bench_figures_add(&x, "c/1")->value = 30;
    cr_assert_eq(bench_figures_expect(&x, path), 0);
    cr_expect(x.key_known && x.at[0].known && x.at[0].expected == 10 && !x.at[1].known);
    cr_assert_eq(bench_figures_record(&x, path, "# new\n"), 0);
    f = fopen(path, "r");
    cr_assert(f != NULL);
    text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
    fclose(f);
    cr_expect_str_eq(text, "# new\n[two]\na/1 99\n[one]\na/1 11\nc/1 30\n");
    snprintf(x.key, sizeof(x.key), "three");
    cr_assert_eq(bench_figures_expect(&x, path), 0);
    cr_expect(!x.key_known && !x.at[0].known);
    bench_figures_free(&x);
    unlink(path);
}
