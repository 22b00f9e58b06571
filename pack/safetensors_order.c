/* safetensors_parser.h: the entries in order, and of equal names the last. */
#include <stdlib.h>
#include <string.h>

#include "safetensors_parser.h"

/* Compares two entries; `user` is the parser. Never 0 for two different entries. */
typedef int (*entry_order)(void *user, const zipllm_st_entry *a, const zipllm_st_entry *b);

static void sift_down(zipllm_st_entry *entries, size_t root, size_t n, entry_order order,
                      void *user)
{
    zipllm_st_entry moved = entries[root];
    size_t child;

    while ((child = 2 * root + 1) < n) {
        if (child + 1 < n && order(user, &entries[child], &entries[child + 1]) < 0)
            child++;
        if (order(user, &moved, &entries[child]) >= 0)
            break;
        entries[root] = entries[child];
        root = child;
    }
    entries[root] = moved;
}

/* Heapsort: in place whatever the input (glibc's qsort would take as much memory again). */
static void sort_entries(zipllm_st_entry *entries, size_t n, entry_order order, void *user)
{
    size_t i;

    for (i = 1; i < n && order(user, &entries[i - 1], &entries[i]) < 0; i++)
        ;
    if (i >= n)
        return;
    for (i = n / 2; i-- > 0;)
        sift_down(entries, i, n, order, user);
    for (i = n; i-- > 1;) {
        zipllm_st_entry top = entries[0];
        entries[0] = entries[i];
        entries[i] = top;
        sift_down(entries, 0, i, order, user);
    }
}

static int compare_u64(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int by_offsets(void *user, const zipllm_st_entry *a, const zipllm_st_entry *b)
{
    (void)user;
    if (a->begin != b->begin)
        return compare_u64(a->begin, b->begin);
    if (a->end != b->end)
        return compare_u64(a->end, b->end);
    return compare_u64(a->name_offset, b->name_offset);
}

/* Two decoded names of at most ZIPLLM_ST_NAME_MAX bytes, for the rare equal hashes. */
typedef struct name_order {
    zipllm_st_parser *p;
    char *names; /* 2 * ZIPLLM_ST_NAME_MAX, allocated at the first use */
    bool failed;
} name_order;

static int compare_names(name_order *names, const zipllm_st_entry *a, const zipllm_st_entry *b)
{
    zipllm_json *json = &names->p->json;
    size_t a_nbytes = 0, b_nbytes = 0, shorter;
    int order;

    if (names->names == NULL)
        names->names = malloc(2 * ZIPLLM_ST_NAME_MAX);
    if (names->names == NULL ||
        !zipllm_json_decode(json, a->name_offset, a->name_nbytes, names->names, ZIPLLM_ST_NAME_MAX,
                            &a_nbytes) ||
        !zipllm_json_decode(json, b->name_offset, b->name_nbytes, names->names + ZIPLLM_ST_NAME_MAX,
                            ZIPLLM_ST_NAME_MAX, &b_nbytes)) {
        names->failed = true;
        return 0;
    }
    shorter = a_nbytes < b_nbytes ? a_nbytes : b_nbytes;
    order = memcmp(names->names, names->names + ZIPLLM_ST_NAME_MAX, shorter);
    return order != 0 ? order : compare_u64(a_nbytes, b_nbytes);
}

static int by_name(void *user, const zipllm_st_entry *a, const zipllm_st_entry *b)
{
    int order = compare_u64(a->name_hash, b->name_hash);

    if (order == 0 && a->name_offset != b->name_offset)
        order = compare_names(user, a, b);
    return order != 0 ? order : compare_u64(a->name_offset, b->name_offset);
}

bool zipllm_st_drop_duplicates(zipllm_st_parser *p)
{
    name_order names = {p, NULL, false};
    zipllm_st *st = p->st;
    size_t kept = 0, i;

    sort_entries(st->entries, st->nentries, by_name, &names);
    for (i = 0; i < st->nentries && !names.failed; i++) {
        const zipllm_st_entry *entry = &st->entries[i];
        if (kept > 0 && st->entries[kept - 1].name_hash == entry->name_hash &&
            compare_names(&names, &st->entries[kept - 1], entry) == 0)
            kept--;
        st->entries[kept++] = *entry;
    }
    free(names.names);
    if (names.failed) {
        zipllm_st_status status = p->json.read_failed ? ZIPLLM_ST_READ : ZIPLLM_ST_MEMORY;
        (void)zipllm_st_fail(&p->hard, status, ZIPLLM_ST_LENGTH_NBYTES, "%s",
                             p->json.read_failed ? "cannot read" : "out of memory");
        return false;
    }
    st->nentries = kept;
    return true;
}

void zipllm_st_sort_by_offsets(zipllm_st *st)
{
    sort_entries(st->entries, st->nentries, by_offsets, NULL);
}
