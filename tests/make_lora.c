/*
 * usage: make_lora FOLDER   writes base.safetensors and lora.safetensors there: eight BF16 matrices
 * and a vector, of which a LoRA of rank 4 was merged into six; the first has it in some rows only.
 * And root.safetensors, which the base may have been trained from.
 */
#include <stdio.h>

#include "predict_cases.h"

enum { MATRICES = 8, SIDE = 128 };

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void write_model(const char *folder, const char *name, uint8_t *const tensors[MATRICES])
{
    static const size_t nbytes = (size_t)2 * SIDE * SIDE;
    char path[1024], header[4096];
    uint64_t n;
    int at = 0;
    at += snprintf(header, sizeof(header), "{");
    for (size_t i = 0; i < MATRICES; i++)
        at += snprintf(header + at, sizeof(header) - (size_t)at,
                       "\"m%zu.weight\":{\"dtype\":\"BF16\",\"shape\":[%d,%d],"
                       "\"data_offsets\":[%zu,%zu]},",
                       i, SIDE, SIDE, i * nbytes, (i + 1) * nbytes);
    at += snprintf(header + at, sizeof(header) - (size_t)at,
                   "\"norm\":{\"dtype\":\"BF16\",\"shape\":[%d],\"data_offsets\":[%zu,%zu]}}", SIDE,
                   MATRICES * nbytes, MATRICES * nbytes + 2 * SIDE);
    n = (uint64_t)at;
    snprintf(path, sizeof(path), "%s/%s.safetensors", folder, name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(&n, 8, 1, f) != 1 || fwrite(header, 1, n, f) != n)
        die(path);
    for (size_t i = 0; i < MATRICES; i++)
        if (fwrite(tensors[i], 1, nbytes, f) != nbytes)
            die(path);
    if (fwrite(tensors[0], 1, 2 * SIDE, f) != 2 * SIDE || fclose(f))
        die(path);
}

int main(int argc, char **argv)
{
    static uint8_t bytes[3][MATRICES][2 * SIDE * SIDE];
    uint8_t *base[MATRICES], *tuned[MATRICES], *root[MATRICES];
    if (argc != 2) {
        fprintf(stderr, "usage: make_lora FOLDER\n");
        return 2;
    }
    for (unsigned i = 0; i < MATRICES; i++) {
        const predict_case c = {"", BITX_BF16,           BITX_BF16,  SIDE, SIDE,
                                2,  i < 6 ? 4 : 0,       i ? 0 : 32, {0},  0,
                                0,  BITX_PREDICT_LOWRANK};
        base[i] = bytes[0][i];
        tuned[i] = bytes[1][i];
        root[i] = bytes[2][i];
        uint8_t *bases[CASE_BASES] = {base[i], root[i]};
        case_make(&c, 50 + i, tuned[i], bases);
    }
    write_model(argv[1], "root", root);
    write_model(argv[1], "base", base);
    write_model(argv[1], "lora", tuned);
    return 0;
}
