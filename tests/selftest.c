/*
 * bitx_selftest() and its answers. selftest: every row gives them, bitx_selftest() agrees.
 * selftest --print: what dispatch/selftest_answers.def should be, by the scalar row.
 * Built with SELFTEST_BREAK and the linker's --wrap, one kernel is wrong, and it must say which.
 */
#include "dispatch/ops.h"

#include <stdio.h>
#include <string.h>

#ifdef SELFTEST_BREAK
/* Right but for the last bit of long inputs. */
uint64_t __real_bitx_distance_bits_scalar(const uint8_t *a, const uint8_t *b, size_t nbytes);
uint64_t __wrap_bitx_distance_bits_scalar(const uint8_t *a, const uint8_t *b, size_t nbytes);

uint64_t __wrap_bitx_distance_bits_scalar(const uint8_t *a, const uint8_t *b, size_t nbytes)
{
    uint64_t bits = __real_bitx_distance_bits_scalar(a, b, nbytes);
    return nbytes > 500 ? bits ^ 1 : bits;
}

int main(void) /* under BITX_ISA=scalar */
{
    const char *wrong = bitx_selftest();
    printf("bitx_selftest: %s\n", wrong ? wrong : "no finding");
    return !wrong || strcmp(wrong, "distance_bits") != 0;
}
#else
static const struct {
    const char *op;
    uint64_t hash;
} answers[] = {
#    include "selftest_answers.def"
};

static uint64_t hash_of(const bitx_op *op, const char *isa)
{
    bitx_sig sig;
    return bitx_selftest_hash(op, bitx_op_find(op->name, isa, &sig));
}

static void print_answers(void)
{
    for (size_t i = 0; bitx_op_at(i); i++)
        printf("{\"%s\", 0x%016llxu},\n", bitx_op_at(i)->name,
               (unsigned long long)hash_of(bitx_op_at(i), "scalar"));
}

static int is_listed(const char *op, uint64_t hash)
{
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
        if (strcmp(answers[i].op, op) == 0)
            return answers[i].hash == hash;
    return 0;
}

static int check_rows(void)
{
    int failures = 0;
    for (size_t i = 0; bitx_op_at(i); i++) {
        const char *op = bitx_op_at(i)->name;
        for (int isa = 0; isa < BITX_ISA_COUNT; isa++) {
            const char *name = bitx_isa_name((bitx_isa)isa);
            if (!bitx_isa_usable((bitx_isa)isa) || is_listed(op, hash_of(bitx_op_at(i), name)))
                continue;
            printf("%s %s: not the answer in dispatch/selftest_answers.def%s\n", op, name,
                   isa ? "" : " (was the operation changed? build/bin/selftest --print)");
            failures++;
        }
    }
    return failures;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--print") == 0) {
        print_answers();
        return 0;
    }
    int failures = check_rows();
    const char *wrong = bitx_selftest();
    if (wrong)
        printf("bitx_selftest: %s is wrong\n", wrong);
    return failures != 0 || wrong;
}
#endif
