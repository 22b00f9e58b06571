/*
 * Prints the tables of pack/FAMILIES.md: the same figures on every run, but for the times.
 *     families_report            made-up families: sketching, recall, thresholds
 *     families_report FILE...    tensors of real safetensors files: the thresholds once more. Files
 *                                are named FAMILY/MODEL.safetensors or FAMILY=FILE; two tensors
 *                                are relatives when family and tensor name agree.
 */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "family_sim.h"
#include "safetensors.h"

static double cpu_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* ---- the two rules ----------------------------------------------------------------------------
 */

enum { THRESHOLDS = 15 }; /* 1, 1.5, ... 8 bits of 16 */

typedef struct rule {
    double right, wrong, missed; /* said to be relatives, and are or not; relatives not told */
} rule;

typedef struct rules {
    rule below[THRESHOLDS], bytes;
} rules;

static double threshold(size_t i)
{
    return 1 + 0.5 * (double)i;
}

static void judge(rule *r, bool said, bool is)
{
    r->right += said && is;
    r->wrong += said && !is;
    r->missed += !said && is;
}

/* distance in bits of 16: elements of other widths are scaled. */
static void judge_all(rules *r, double distance, double delta, double whole, bool is)
{
    size_t i;

    for (i = 0; i < THRESHOLDS; i++)
        judge(&r->below[i], distance < threshold(i), is);
    judge(&r->bytes, delta < 0.97 * whole, is);
}

static void print_rule(const char *name, const rule *r)
{
    double said = r->right + r->wrong;
    double are = r->right + r->missed;

    printf("| %s | %.3f | %.3f |\n", name, said > 0 ? r->right / said : 1,
           are > 0 ? r->right / are : 1);
}

static void print_rules(const rules *r)
{
    size_t i;

    printf("| rule | precision | recall |\n|---|---|---|\n");
    for (i = 0; i < THRESHOLDS; i++) {
        char name[64];
        snprintf(name, sizeof name,
                 threshold(i) == 4 ? "**below %.1f bits (the paper's)**" : "below %.1f bits",
                 threshold(i));
        print_rule(name, &r->below[i]);
    }
    print_rule("**predicted bytes below 97% of coding it by itself**", &r->bytes);
}

/* ---- made-up families ---------------------------------------------------------------------------
 */

static void report_recall(const sim_hub *hub, const zipllm_predictor *predictor)
{
    double start = cpu_ms();
    sim_recall r = sim_recall_of(hub, predictor);
    double n = (double)r.queries;

    printf("| question | share of %zu models |\n|---|---|\n", r.queries);
    printf("| the model nearest by exhaustive bit distance is found | %.4f |\n",
           (double)r.right_nearest / n);
    printf("| the one with the fewest predicted bytes is of the family | %.4f |\n",
           (double)r.right_family / n);
    printf("| ... and is its parent or child | %.4f |\n", (double)r.right_parent / n);
    printf("| of %zu models without relatives: told to have none | %.4f |\n\n", r.loners,
           (double)r.loners_alone / (double)r.loners);
    printf("(%.1f s of CPU time, the exhaustive search included)\n\n", (cpu_ms() - start) / 1e3);
}

/* All pairs of a family, and as many unrelated ones of its architecture. */
static void report_rules(const sim_hub *hub, const zipllm_predictor *predictor)
{
    rules r = {0};
    sim_rng rng = {99};
    size_t i;
    size_t j;

    for (i = 0; i < hub->nmodels; i++)
        for (j = i + 1; j < hub->nmodels && hub->models[j].family == hub->models[i].family; j++) {
            size_t other = i;
            double delta;
            double whole;
            sim_predict(hub, predictor, i, j, &delta, &whole);
            judge_all(&r, sim_distance(hub, i, j), delta, whole, true);
            while (hub->models[other].family == hub->models[i].family ||
                   hub->models[other].architecture != hub->models[i].architecture)
                other = sim_next(&rng) % hub->nmodels;
            sim_predict(hub, predictor, i, other, &delta, &whole);
            judge_all(&r, sim_distance(hub, i, other), delta, whole, false);
        }
    print_rules(&r);
}

static void report_sketching(void)
{
    enum { NBYTES = 1 << 25, ROUNDS = 16 };
    uint8_t *bytes = calloc(1, NBYTES);
    uint8_t sketch[ZIPLLM_SKETCH_MAX];
    zipllm_sketch_plan plan = zipllm_sketch_plan_of(BITX_BF16, NBYTES);
    double start = cpu_ms();
    int i;

    for (i = 0; i < ROUNDS; i++) {
        zipllm_sketcher sketcher;
        zipllm_sketcher_init(&sketcher, &plan, sketch);
        zipllm_sketcher_update(&sketcher, bytes, NBYTES);
    }
    printf("Sketching: %.0f GB/s of tensor (%u samples of 32 MiB).\n\n",
           (double)NBYTES * ROUNDS / (cpu_ms() - start) / 1e6, plan.nsamples);
    free(bytes);
}

static void report_made_up(void)
{
    zipllm_predictor *predictor = zipllm_predictor_new();
    sim_hub hub;

    report_sketching();
    hub = sim_hub_new(200, 5, 100, 2026);
    report_recall(&hub, predictor);
    report_rules(&hub, predictor);
    sim_hub_free(&hub);
    zipllm_predictor_free(predictor);
}

/* ---- real tensors ------------------------------------------------------------------------------
 */

typedef struct tensor {
    char *family, *name;
    bitx_dtype dtype;
    uint64_t nbytes;
    uint8_t *sketch;
} tensor;

typedef struct tensors {
    tensor *items;
    size_t n, cap;
} tensors;

static int read_fd(void *user, uint64_t offset, void *dst, size_t nbytes)
{
    return pread(*(int *)user, dst, nbytes, (off_t)offset) == (ssize_t)nbytes ? 0 : -1;
}

static void take_sketch(tensor *t, int fd, uint64_t offset)
{
    zipllm_sketch_plan plan = zipllm_sketch_plan_of(t->dtype, t->nbytes);
    uint32_t i;

    t->sketch = malloc(zipllm_sketch_nbytes(&plan) + 1);
    for (i = 0; i < plan.nsamples; i++)
        if (read_fd(&fd, offset + zipllm_sketch_position(&plan, i) * plan.width,
                    t->sketch + (size_t)i * plan.width, plan.width) != 0)
            abort();
}

static void load_file(tensors *all, const char *argument)
{
    const char *equals = strchr(argument, '=');
    const char *path = equals != NULL ? equals + 1 : argument;
    size_t family = equals != NULL ? (size_t)(equals - argument) : strcspn(argument, "/");
    int fd = open(path, O_RDONLY);
    bitx_source source = {read_fd, &fd};
    zipllm_st_error error;
    struct stat st;
    zipllm_st head;
    size_t i;

    if (fd < 0 || fstat(fd, &st) != 0 ||
        zipllm_st_parse(&source, (uint64_t)st.st_size, 0, &head, &error) != ZIPLLM_ST_OK) {
        fprintf(stderr, "%s: not read\n", path);
        exit(1);
    }
    for (i = 0; i < head.nentries; i++) {
        const zipllm_st_entry *e = &head.entries[i];
        tensor t = {.family = strndup(argument, family),
                    .name = calloc(1, 512),
                    .dtype = (bitx_dtype)e->dtype,
                    .nbytes = e->end - e->begin};
        size_t nbytes;
        if (!zipllm_st_name(&head, &source, e, t.name, 511, &nbytes))
            exit(1);
        take_sketch(&t, fd, 8 + head.header_nbytes + e->begin);
        if (all->n == all->cap) {
            all->cap = all->cap == 0 ? 256 : 2 * all->cap;
            all->items = realloc(all->items, all->cap * sizeof *all->items);
        }
        all->items[all->n++] = t;
    }
    zipllm_st_free(&head);
    close(fd);
}

static void judge_pair(rules *r, const zipllm_predictor *predictor, const tensor *a,
                       const tensor *b, double *pairs)
{
    zipllm_sketch_view x = {a->dtype, a->nbytes, a->sketch};
    zipllm_sketch_view y = {b->dtype, b->nbytes, b->sketch};
    bool is = strcmp(a->family, b->family) == 0 && strcmp(a->name, b->name) == 0;
    zipllm_prediction p;

    zipllm_predict(predictor, &x, &y, &p);
    if (p.nsamples == 0)
        return;
    judge_all(r, p.distance_bits * 16 / bitx_dtype_bits(a->dtype), (double)p.delta_nbytes,
              (double)p.whole_nbytes, is);
    pairs[is]++;
}

static void report_real(int count, char **files)
{
    zipllm_predictor *predictor = zipllm_predictor_new();
    double pairs[2] = {0, 0};
    tensors all = {NULL, 0, 0};
    rules r = {0};
    size_t i;
    size_t j;

    for (i = 0; i < (size_t)count; i++)
        load_file(&all, files[i]);
    for (i = 0; i < all.n; i++)
        for (j = 0; j < i; j++)
            if (all.items[i].dtype == all.items[j].dtype &&
                all.items[i].nbytes == all.items[j].nbytes)
                judge_pair(&r, predictor, &all.items[i], &all.items[j], pairs);
    printf("%zu tensors; %.0f pairs of relatives, %.0f others of equal dtype and size\n\n", all.n,
           pairs[1], pairs[0]);
    print_rules(&r);
    for (i = 0; i < all.n; i++) {
        free(all.items[i].family);
        free(all.items[i].name);
        free(all.items[i].sketch);
    }
    free(all.items);
    zipllm_predictor_free(predictor);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        report_real(argc - 1, argv + 1);
    else
        report_made_up();
    return 0;
}
