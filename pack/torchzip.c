#include "torchzip.h"

#include <stdlib.h>
#include <string.h>

#include "pickle.h"
#include "utf8.h"
#include "zip.h"

enum { PATH_MAX_NBYTES = 512 };

typedef struct parser {
    const bitx_source *source;
    zipllm_parse_error *error;
    zipllm_torchzip *torch;
    zipllm_zip zip;
    const zipllm_zip_member *pickle;
} parser;

static bool read_at(parser *p, uint64_t offset, void *dst, size_t nbytes)
{
    if (p->source->read(p->source->user, offset, dst, nbytes) == 0)
        return true;
    return zipllm_parse_fail(p->error, ZIPLLM_PARSE_READ, offset, "cannot be read");
}

/* FNV-1a, only to find a key quickly: two keys of one hash are compared. */
static uint64_t hash_text(const char *text, size_t nbytes)
{
    uint64_t hash = 0xcbf29ce484222325u;
    size_t i;

    for (i = 0; i < nbytes; i++)
        hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3u;
    return hash;
}

/* What follows PREFIX/ in a member's name; NULL: no slash. */
static const char *after_prefix(const char *path)
{
    const char *slash = strchr(path, '/');

    return slash == NULL ? NULL : slash + 1;
}

static void take_storage(parser *p, const zipllm_zip_member *member, const char *key,
                         size_t key_position)
{
    zipllm_torch_storage *storage;

    if (member->method != 0) {
        p->torch->npacked++;
        return;
    }
    storage = &p->torch->storages[p->torch->nstorages++];
    memset(storage, 0, sizeof *storage);
    storage->begin = member->begin;
    storage->end = member->end;
    storage->key_offset = member->name_offset + key_position;
    storage->key_nbytes = (uint16_t)(member->name_nbytes - key_position);
    storage->key_hash = hash_text(key, storage->key_nbytes);
    storage->dtype = BITX_BYTES;
}

static bool take_member(parser *p, const zipllm_zip_member *member)
{
    char path[PATH_MAX_NBYTES + 1];
    const char *rest;

    if (member->name_nbytes > PATH_MAX_NBYTES)
        return true;
    if (!read_at(p, member->name_offset, path, member->name_nbytes))
        return false;
    path[member->name_nbytes] = '\0';
    rest = after_prefix(path);
    if (rest == NULL || !zipllm_utf8_is_text(path, member->name_nbytes))
        return true;
    if (strcmp(rest, "data.pkl") == 0)
        p->pickle = member;
    else if (strncmp(rest, "data/", 5) == 0 && rest[5] != '\0')
        take_storage(p, member, rest + 5, (size_t)(rest + 5 - path));
    return true;
}

/* ---- what the pickle says ---------------------------------------------------------------------
 */

typedef struct by_key {
    uint64_t hash;
    size_t storage;
} by_key;

typedef struct finder {
    parser *p;
    by_key *keys; /* by rising hashes */
    bool *typed;  /* of each storage */
} finder;

static int compare_keys(const void *a, const void *b)
{
    const by_key *x = a;
    const by_key *y = b;

    return (x->hash > y->hash) - (x->hash < y->hash);
}

static bool has_key(parser *p, const zipllm_torch_storage *storage, const char *key, size_t nbytes)
{
    char own[PATH_MAX_NBYTES];

    return storage->key_nbytes == nbytes && nbytes <= sizeof own &&
           p->source->read(p->source->user, storage->key_offset, own, nbytes) == 0 &&
           memcmp(own, key, nbytes) == 0;
}

static int64_t find_storage(const finder *f, const char *key, size_t nbytes)
{
    size_t low = 0;
    size_t high = f->p->torch->nstorages;
    uint64_t hash = hash_text(key, nbytes);

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (f->keys[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < f->p->torch->nstorages && f->keys[low].hash == hash; low++)
        if (has_key(f->p, &f->p->torch->storages[f->keys[low].storage], key, nbytes))
            return (int64_t)f->keys[low].storage;
    return -1;
}

static int64_t on_storage(void *user, const zipllm_pickle_text *key, bitx_dtype dtype,
                          uint64_t nelem)
{
    finder *f = user;
    char text[PATH_MAX_NBYTES];
    zipllm_torch_storage *storage;
    uint64_t nbytes;
    int64_t number;
    unsigned width = dtype == BITX_BYTES ? 1 : bitx_dtype_bits(dtype) / 8;

    if (key->nbytes > sizeof text ||
        f->p->source->read(f->p->source->user, key->offset, text, key->nbytes) != 0)
        return -1;
    number = find_storage(f, text, key->nbytes);
    if (number < 0)
        return -1;
    storage = &f->p->torch->storages[number];
    if (__builtin_mul_overflow(nelem, (uint64_t)width, &nbytes) ||
        nbytes != storage->end - storage->begin || (f->typed[number] && storage->dtype != dtype))
        dtype = BITX_BYTES; /* the pickle contradicts the archive or itself */
    storage->dtype = (uint8_t)dtype;
    f->typed[number] = true;
    return number;
}

static void on_tensor(void *user, int64_t number, const zipllm_pickle_text *name)
{
    finder *f = user;
    zipllm_torch_storage *storage = &f->p->torch->storages[number];
    char text[ZIPLLM_TORCH_NAME_MAX];

    if (storage->name_nbytes != 0 || name->nbytes == 0 || name->nbytes > sizeof text)
        return;
    if (f->p->source->read(f->p->source->user, name->offset, text, name->nbytes) != 0 ||
        !zipllm_utf8_is_text(text, name->nbytes))
        return;
    storage->name_offset = name->offset;
    storage->name_nbytes = (uint16_t)name->nbytes;
}

static bool read_pickle(parser *p)
{
    size_t n = p->torch->nstorages;
    finder f = {p, malloc((n + 1) * sizeof *f.keys), calloc(n + 1, sizeof *f.typed)};
    zipllm_pickle_visitor visitor = {on_storage, on_tensor, &f};
    bool ok = f.keys != NULL && f.typed != NULL;
    size_t i;

    if (!ok) {
        zipllm_parse_fail(p->error, ZIPLLM_PARSE_MEMORY, 0, "out of memory");
    } else {
        for (i = 0; i < n; i++)
            f.keys[i] = (by_key){p->torch->storages[i].key_hash, i};
        qsort(f.keys, n, sizeof *f.keys, compare_keys);
        (void)!zipllm_pickle_scan(p->source, p->pickle->begin, p->pickle->end, &visitor,
                                  &p->torch->pickle);
    }
    free(f.keys);
    free(f.typed);
    return ok;
}

static bool parse(parser *p)
{
    size_t i;

    p->torch->storages = malloc((p->zip.nmembers + 1) * sizeof *p->torch->storages);
    if (p->torch->storages == NULL)
        return zipllm_parse_fail(p->error, ZIPLLM_PARSE_MEMORY, 0, "out of memory");
    for (i = 0; i < p->zip.nmembers; i++)
        if (!take_member(p, &p->zip.members[i]))
            return false;
    if (p->pickle == NULL)
        return zipllm_parse_fail(p->error, ZIPLLM_PARSE_OTHER, 0, "an archive without data.pkl");
    if (p->pickle->method != 0)
        return zipllm_parse_fail(p->error, ZIPLLM_PARSE_REFUSED, p->pickle->header,
                                 "data.pkl is compressed");
    return read_pickle(p);
}

zipllm_parse_status zipllm_torchzip_parse(const bitx_source *source, uint64_t file_nbytes,
                                          zipllm_torchzip *torch, zipllm_parse_error *error)
{
    parser p = {.source = source, .error = error, .torch = torch};

    memset(torch, 0, sizeof *torch);
    if (zipllm_zip_parse(source, file_nbytes, &p.zip, error) != ZIPLLM_PARSE_OK)
        return error->status;
    if (!parse(&p))
        zipllm_torchzip_free(torch);
    zipllm_zip_free(&p.zip);
    return error->status;
}

void zipllm_torchzip_free(zipllm_torchzip *torch)
{
    free(torch->storages);
    memset(torch, 0, sizeof *torch);
}

bool zipllm_torchzip_name(const bitx_source *source, const zipllm_torch_storage *storage, char *dst)
{
    static const char prefix[] = "data/";
    size_t start = storage->name_nbytes != 0 ? 0 : sizeof prefix - 1;
    uint64_t offset = storage->name_nbytes != 0 ? storage->name_offset : storage->key_offset;
    size_t nbytes = storage->name_nbytes != 0 ? storage->name_nbytes : storage->key_nbytes;

    memcpy(dst, prefix, start);
    dst[start + nbytes] = '\0';
    return source->read(source->user, offset, dst + start, nbytes) == 0;
}
