/*
 * usage: make_adapter FOLDER   writes base, adapter, merged and other.safetensors there: a base of
 * six BF16 matrices, a LoRA adapter for five of them as PEFT keeps it (rank 8, alpha 16), the model
 * that it was merged into, and an adapter for the same tensors that was not.
 */
#include <stdbool.h>
#include <stdio.h>

#include "adapter_cases.h"

enum { MATRICES = 6, ADAPTED = 5, PARTS = 2 * ADAPTED, ROWS = 160, COLUMNS = 128, RANK = 8 };

typedef struct part {
    char name[80];
    const char *dtype;
    unsigned rows, columns;
    const uint8_t *data;
    size_t nbytes;
} part;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void write_model(const char *folder, const char *name, const part *parts, size_t n)
{
    char path[1024], header[8192];
    size_t at = 1, offset = 0;
    header[0] = '{';
    for (size_t i = 0; i < n; i++) {
        at += (size_t)snprintf(header + at, sizeof(header) - at,
                               "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%u,%u],"
                               "\"data_offsets\":[%zu,%zu]}",
                               i ? "," : "", parts[i].name, parts[i].dtype, parts[i].rows,
                               parts[i].columns, offset, offset + parts[i].nbytes);
        offset += parts[i].nbytes;
    }
    header[at++] = '}';
    const uint64_t length = at;
    snprintf(path, sizeof(path), "%s/%s.safetensors", folder, name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(&length, 8, 1, f) != 1 || fwrite(header, 1, at, f) != at)
        die(path);
    for (size_t i = 0; i < n; i++)
        if (fwrite(parts[i].data, 1, parts[i].nbytes, f) != parts[i].nbytes)
            die(path);
    if (fclose(f))
        die(path);
}

static void list_model(part *parts, const adapter_data *d, bool merged)
{
    for (unsigned i = 0; i < MATRICES; i++) {
        snprintf(parts[i].name, sizeof(parts[i].name), "model.layers.%u.mlp.up_proj.weight", i);
        parts[i].dtype = "BF16";
        parts[i].rows = ROWS;
        parts[i].columns = COLUMNS;
        parts[i].data = merged && i < ADAPTED ? d[i].tensor : d[i].base;
        parts[i].nbytes = d[i].nbytes;
    }
}

static void list_adapter(part *parts, const adapter_data *d)
{
    for (unsigned i = 0; i < PARTS; i++) {
        const adapter_data *of = &d[i / 2];
        snprintf(parts[i].name, sizeof(parts[i].name),
                 "base_model.model.model.layers.%u.mlp.up_proj.lora_%c.weight", i / 2,
                 i % 2 ? 'B' : 'A');
        parts[i].dtype = "F32";
        parts[i].rows = i % 2 ? ROWS : RANK;
        parts[i].columns = i % 2 ? RANK : COLUMNS;
        parts[i].data = i % 2 ? of->b : of->a;
        parts[i].nbytes = i % 2 ? of->b_nbytes : of->a_nbytes;
    }
}

int main(int argc, char **argv)
{
    static const adapter_case c = {"",      BITX_BF16, BITX_F32,     ROWS,
                                   COLUMNS, RANK,      16.0F / RANK, BITX_F32};
    adapter_data mine[MATRICES], others[ADAPTED];
    part parts[PARTS];
    if (argc != 2) {
        fprintf(stderr, "usage: make_adapter FOLDER\n");
        return 2;
    }
    for (unsigned i = 0; i < MATRICES; i++)
        adapter_make(&c, 500 + i, &mine[i]);
    for (unsigned i = 0; i < ADAPTED; i++)
        adapter_make(&c, 600 + i, &others[i]);
    list_model(parts, mine, false);
    write_model(argv[1], "base", parts, MATRICES);
    list_model(parts, mine, true);
    write_model(argv[1], "merged", parts, MATRICES);
    list_adapter(parts, mine);
    write_model(argv[1], "adapter", parts, PARTS);
    list_adapter(parts, others);
    write_model(argv[1], "other", parts, PARTS);
    for (unsigned i = 0; i < MATRICES; i++)
        adapter_free(&mine[i]);
    for (unsigned i = 0; i < ADAPTED; i++)
        adapter_free(&others[i]);
    return 0;
}
