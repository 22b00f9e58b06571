/*
 * Prints how long the choice of a base takes among many models: a store whose index holds sketches
 * and probes of made-up models of one architecture, and the code that `zipllm add` runs between
 * hashing a file and coding it. For pack/FAMILIES.md.
 *     families_search DIR [MODELS]     DIR must not exist; it is left behind
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "family.h"
#include "family_sim.h"

/* Decoders of 32 layers with nine tensors each; what is looked at are the large ones. */
enum { LAYERS = 32, PER_LAYER = 9, TENSORS = LAYERS * PER_LAYER, RELATIVES = 12, ROUNDS = 9 };
static const uint64_t NBYTES = UINT64_C(32) << 20;

static void check(zipllm_status status, const zipllm_error *error)
{
    if (status == ZIPLLM_OK)
        return;
    fprintf(stderr, "%s\n", error->message);
    exit(1);
}

static double now_ms(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static long peak_mb(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss / 1024;
}

static void tensor_name(char *name, size_t size, int t)
{
    (void)snprintf(name, size, "model.layers.%d.matrix.%d.weight", t / PER_LAYER, t % PER_LAYER);
}

/* Samples of one tensor: the family's, moved by a change of that scale; the same on every run. */
static void make_samples(uint16_t *samples, int tensor, uint64_t member, double change)
{
    zipllm_sketch_plan plan = zipllm_sketch_plan_of(BITX_BF16, NBYTES);
    sim_rng family = {(uint64_t)tensor + 1};
    sim_rng own = {member << 20 | (uint64_t)tensor};
    uint32_t i;

    for (i = 0; i < plan.nsamples; i++) {
        double w = sim_from_bf16(sim_bf16(0.02 * sim_normal(&family)));
        samples[i] = sim_bf16(w + change * sim_normal(&own));
    }
}

static void bind_blob(struct sqlite3_stmt *s, int at, const void *data, size_t nbytes)
{
    (void)sqlite3_bind_blob(s, at, data, (int)nbytes, SQLITE_TRANSIENT);
}

static void put_blob(zipllm_store *store, zipllm_query query, int64_t id, int version,
                     const void *data, size_t nbytes)
{
    zipllm_error error;
    struct sqlite3_stmt *s = zipllm_index_query(store->index, query, &error);

    zipllm_index_bind(s, 1, id);
    zipllm_index_bind(s, 2, version);
    bind_blob(s, 3, data, nbytes);
    check(zipllm_index_run(store->index, s, &error), &error);
}

static int64_t put_model(zipllm_store *store, int number, int64_t *file)
{
    char name[32];
    char empty[] = "";
    uint8_t sha[ZIPLLM_SHA256_NBYTES] = {0};
    zipllm_model_row row = {.name = name, .revision = empty, .manifest = name};
    zipllm_error error;

    (void)snprintf(name, sizeof name, "m/%d", number);
    memcpy(sha, &number, sizeof number);
    check(zipllm_index_put_model(store->index, &row, &error), &error);
    check(zipllm_index_put_file(store->index, 1, sha, file, &error), &error);
    check(zipllm_index_put_model_file(store->index, row.id, "model.safetensors", *file, &error),
          &error);
    return row.id;
}

static void put_tensor(zipllm_store *store, int64_t file, int64_t pack, int t, int number,
                       const uint16_t *samples)
{
    zipllm_sketch_plan plan = zipllm_sketch_plan_of(BITX_BF16, NBYTES);
    zipllm_tensor_row row = {
        .nbytes = NBYTES, .dtype = BITX_BF16, .pack = pack, .length = NBYTES / 3 * 2};
    char name[64];
    zipllm_part_row part = {ZIPLLM_TENSOR, name, "BF16", "[4096,4096]", NBYTES, 0};
    zipllm_error error;

    tensor_name(name, sizeof name, t);
    memcpy(row.hash, &number, sizeof number);
    memcpy(row.hash + 4, &t, sizeof t);
    check(zipllm_index_put_tensor(store->index, &row, &error), &error);
    part.tensor = row.id;
    check(zipllm_index_put_part(store->index, file, (uint64_t)t, &part, &error), &error);
    put_blob(store, ZIPLLM_Q_PUT_SKETCH, row.id, ZIPLLM_SKETCH_VERSION, samples,
             zipllm_sketch_nbytes(&plan));
}

/* A relative of the query, with all that a model has in the index. */
static void put_relative(zipllm_store *store, int64_t pack, int number)
{
    zipllm_ingest in = {.store = store};
    zipllm_ingest_file file = {.path = ""};
    uint16_t samples[ZIPLLM_SKETCH_MAX / 2];
    zipllm_error error;
    int64_t id;
    int64_t model = put_model(store, number, &id);
    zipllm_part *parts = calloc(TENSORS, sizeof *parts);
    int t;

    in.error = &error;
    for (t = 0; t < TENSORS; t++) {
        char name[64];
        make_samples(samples, t, (uint64_t)number + 1, 1e-4 * (number + 1));
        put_tensor(store, id, pack, t, number, samples);
        tensor_name(name, sizeof name, t);
        parts[t] = (zipllm_part){.dtype = BITX_BF16,
                                 .nbytes = NBYTES,
                                 .name = strdup(name),
                                 .tensor = 1, /* its sketch is there */
                                 .sketch = malloc(sizeof samples)};
        memcpy(parts[t].sketch, samples, sizeof samples);
    }
    file.layout = (zipllm_layout){.parts = parts, .nparts = TENSORS};
    check(zipllm_family_record(&in, model, &file, 1), &error);
    zipllm_layout_free(&file.layout);
}

/* Another family of the architecture: its probes are all that a search sees of it. */
static void put_stranger(zipllm_store *store, int number, const zipllm_probes *names, sim_rng *rng)
{
    uint8_t data[ZIPLLM_PROBES_MAX * 12];
    int64_t file;
    int64_t model = put_model(store, number, &file);
    size_t i;

    for (i = 0; i < names->count; i++) {
        uint64_t bits = sim_next(rng);
        memcpy(data + 12 * i, &names->probes[i].key, 4);
        memcpy(data + 12 * i + 4, &bits, 8);
    }
    put_blob(store, ZIPLLM_Q_PUT_PROBES, model, ZIPLLM_PROBE_VERSION, data, 12 * names->count);
}

/* The model that is added: what hashing leaves of its one file. */
static void make_query(zipllm_ingest_file *file, zipllm_probes *probes)
{
    uint16_t samples[ZIPLLM_SKETCH_MAX / 2];
    int t;

    *file = (zipllm_ingest_file){.path = "model.safetensors"};
    file->layout.parts = calloc(TENSORS, sizeof *file->layout.parts);
    file->layout.nparts = TENSORS;
    for (t = 0; t < TENSORS; t++) {
        zipllm_part *part = &file->layout.parts[t];
        zipllm_sketch_view view = {BITX_BF16, NBYTES, (const uint8_t *)samples};
        char name[64];
        tensor_name(name, sizeof name, t);
        make_samples(samples, t, 9999999, 2e-4);
        *part = (zipllm_part){.kind = ZIPLLM_TENSOR,
                              .dtype = BITX_BF16,
                              .offset = (uint64_t)t * NBYTES,
                              .nbytes = NBYTES,
                              .name = strdup(name),
                              .dtype_text = "BF16",
                              .shape = "[4096,4096]",
                              .sketch = malloc(sizeof samples)};
        memcpy(part->sketch, samples, sizeof samples);
        zipllm_probes_offer(probes, name, &view);
    }
    zipllm_probes_sort(probes->probes, probes->count);
}

static void fill(zipllm_store *store, int nmodels, const zipllm_probes *names)
{
    zipllm_error error;
    sim_rng rng = {77};
    int64_t pack;
    int m;

    check(zipllm_index_begin(store->index, &error), &error);
    check(zipllm_index_put_pack(store->index, "0123", 1, &pack, &error), &error);
    for (m = 0; m < RELATIVES && m < nmodels; m++)
        put_relative(store, pack, m);
    for (; m < nmodels; m++)
        put_stranger(store, m, names, &rng);
    check(zipllm_index_commit(store->index, &error), &error);
}

static int by_value(const void *a, const void *b)
{
    const double *x = a;
    const double *y = b;

    return (*x > *y) - (*x < *y);
}

int main(int argc, char **argv)
{
    zipllm_probes *names = calloc(1, sizeof *names);
    zipllm_relatives relatives;
    zipllm_ingest_file file;
    zipllm_store *store;
    zipllm_error error;
    double wall[ROUNDS];
    double cpu[ROUNDS];
    long before = 0;
    int nmodels = argc > 2 ? atoi(argv[2]) : 10000;
    int i;

    if (argc < 2 || nmodels < 1)
        return 2;
    check(zipllm_init(argv[1], &error), &error);
    check(zipllm_open(argv[1], ZIPLLM_SHARED, NULL, &store, &error), &error);
    make_query(&file, names);
    fill(store, nmodels, names);
    for (i = 0; i < ROUNDS; i++) {
        zipllm_ingest in = {.store = store, .error = &error};
        size_t seen;
        /* As each command begins: a new connection, nothing in its cache. */
        check(zipllm_store_reopen_index(store, &error), &error);
        before = i == 0 ? peak_mb() : before;
        wall[i] = now_ms(CLOCK_MONOTONIC);
        cpu[i] = now_ms(CLOCK_THREAD_CPUTIME_ID);
        relatives.n = 0;
        check(zipllm_family_rank(&in, &file, &relatives, &seen), &error);
        wall[i] = now_ms(CLOCK_MONOTONIC) - wall[i];
        cpu[i] = now_ms(CLOCK_THREAD_CPUTIME_ID) - cpu[i];
        zipllm_family_forget(&in);
    }
    qsort(wall, ROUNDS, sizeof wall[0], by_value);
    qsort(cpu, ROUNDS, sizeof cpu[0], by_value);
    printf("%d models of %d tensors: found %zu candidates, the best saves %.1f%%\n", nmodels,
           TENSORS, relatives.n,
           relatives.n > 0
               ? 100 * (1 - relatives.list[0].delta_nbytes / relatives.list[0].whole_nbytes)
               : 0.0);
    printf("decision: %.1f ms (%.1f to %.1f, %d rounds), of CPU time %.1f ms; the process peaks at "
           "%ld MB, %ld before the first\n",
           wall[ROUNDS / 2], wall[0], wall[ROUNDS - 1], ROUNDS, cpu[ROUNDS / 2], peak_mb(), before);
    zipllm_layout_free(&file.layout);
    free(names);
    zipllm_close(store);
    return 0;
}
