#include "layout.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "gguf.h"
#include "io.h"
#include "safetensors.h"
#include "torchzip.h"

typedef struct file_source {
    int fd;
    int os_errno;
} file_source;

static int read_file(void *user, uint64_t offset, void *dst, size_t nbytes)
{
    file_source *file = user;
    errno = 0;
    if (zipllm_pread(file->fd, dst, nbytes, offset) == (ssize_t)nbytes)
        return 0;
    file->os_errno = errno;
    return -1;
}

void zipllm_shape_text(char *text, size_t cap, const uint64_t *dims, unsigned rank)
{
    size_t length = (size_t)snprintf(text, cap, "[");
    for (unsigned i = 0; i < rank && length < cap; i++)
        length +=
            (size_t)snprintf(text + length, cap - length, "%s%" PRIu64, i != 0 ? "," : "", dims[i]);
    if (length < cap)
        (void)snprintf(text + length, cap - length, "]");
}

bool zipllm_is_safetensors(const char *path)
{
    static const char suffix[] = ".safetensors";
    const size_t length = strlen(path), n = sizeof suffix - 1;
    return length >= n && strcmp(path + length - n, suffix) == 0;
}

static bool set_texts(zipllm_part *part, const char *name, size_t name_nbytes, const char *dtype,
                      const char *shape)
{
    const size_t d = strlen(dtype) + 1, s = strlen(shape) + 1;
    part->name = malloc(name_nbytes + 1 + d + s);
    if (part->name == NULL)
        return false;
    memcpy(part->name, name, name_nbytes);
    /* JSON allows NUL in a name; here names end in one, and only identify. */
    for (size_t i = 0; i < name_nbytes; i++)
        if (part->name[i] == '\0')
            part->name[i] = '\x1a';
    part->name[name_nbytes] = '\0';
    char *text = part->name + name_nbytes + 1;
    memcpy(text, dtype, d);
    memcpy(text + d, shape, s);
    part->dtype_text = text;
    part->shape = text + d;
    return true;
}

static bool add_plain(zipllm_layout *layout, zipllm_kind kind, uint64_t offset, uint64_t nbytes)
{
    zipllm_part *part = &layout->parts[layout->nparts];
    if (nbytes == 0)
        return true;
    *part = (zipllm_part){.kind = kind, .dtype = BITX_BYTES, .offset = offset, .nbytes = nbytes};
    layout->nparts++;
    return set_texts(part, "", 0, "BYTES", "");
}

typedef struct parse {
    zipllm_st st;
    bitx_source source;
    char *name; /* ZIPLLM_ST_NAME_MAX */
} parse;

static zipllm_status add_tensor(const parse *p, const zipllm_st_entry *entry, const char *path,
                                zipllm_layout *layout, zipllm_error *error)
{
    zipllm_st_details details;
    char shape[ZIPLLM_ST_RANK_MAX * 21 + 3];
    size_t nbytes;
    if (!zipllm_st_name(&p->st, &p->source, entry, p->name, ZIPLLM_ST_NAME_MAX, &nbytes) ||
        !zipllm_st_read_details(&p->st, &p->source, entry, &details) || nbytes > ZIPLLM_ST_NAME_MAX)
        return zipllm_fail(error, ZIPLLM_ERROR, path, 8 + (uint64_t)entry->name_offset, 0,
                           "changed while being read");
    zipllm_shape_text(shape, sizeof shape, details.dims, entry->rank);
    zipllm_part *part = &layout->parts[layout->nparts];
    *part = (zipllm_part){.kind = ZIPLLM_TENSOR,
                          .dtype = (bitx_dtype)entry->dtype,
                          .offset = 8 + p->st.header_nbytes + entry->begin,
                          .nbytes = entry->end - entry->begin};
    layout->nparts++;
    layout->ntensors++;
    return set_texts(part, p->name, nbytes, details.dtype, shape)
               ? ZIPLLM_OK
               : zipllm_fail_memory(error, nbytes);
}

/* Header, tensors, and whatever no tensor covers. */
static zipllm_status add_tensors(const parse *p, const char *path, uint64_t nbytes,
                                 zipllm_layout *layout, zipllm_error *error)
{
    const zipllm_st *st = &p->st;
    uint64_t end = 8 + st->header_nbytes;
    layout->parts = calloc(2 * st->nentries + 2, sizeof *layout->parts);
    if (layout->parts == NULL || !add_plain(layout, ZIPLLM_HEADER, 0, end))
        return zipllm_fail_memory(error, (2 * st->nentries + 2) * sizeof *layout->parts);
    for (size_t i = 0; i < st->nentries; i++) {
        const uint64_t begin = 8 + st->header_nbytes + st->entries[i].begin;
        if (begin < end || !add_plain(layout, ZIPLLM_GAP, end, begin - end))
            return zipllm_fail_memory(error, 1);
        const zipllm_status status = add_tensor(p, &st->entries[i], path, layout, error);
        if (status != ZIPLLM_OK)
            return status;
        end = 8 + st->header_nbytes + st->entries[i].end;
    }
    return end <= nbytes && add_plain(layout, ZIPLLM_GAP, end, nbytes - end)
               ? ZIPLLM_OK
               : zipllm_fail_memory(error, 1);
}

static zipllm_status one_blob(uint64_t nbytes, zipllm_layout *layout, zipllm_error *error)
{
    layout->blob = true;
    layout->parts = calloc(1, sizeof *layout->parts);
    return layout->parts != NULL && add_plain(layout, ZIPLLM_BLOB, 0, nbytes)
               ? ZIPLLM_OK
               : zipllm_fail_memory(error, sizeof *layout->parts);
}

/* Git LFS, docs/spec.md: the pointer file that is left where the real one was not downloaded. */
static bool is_lfs_pointer(int fd, uint64_t nbytes)
{
    static const char first[] = "version https://git-lfs.github.com/spec/v1\n";
    char start[sizeof first - 1];
    return nbytes < 1024 && zipllm_pread(fd, start, sizeof start, 0) == (ssize_t)sizeof start &&
           memcmp(start, first, sizeof start) == 0;
}

/* ---- GGUF and PyTorch archives -----------------------------------------------------------------
 */

/* Takes a tensor that lies at [begin, end), with what lies before it. */
static zipllm_status add_located(zipllm_layout *layout, uint64_t *done, const zipllm_part *tensor,
                                 const char *name, const char *dtype, const char *shape,
                                 zipllm_error *error)
{
    if (!add_plain(layout, ZIPLLM_GAP, *done, tensor->offset - *done))
        return zipllm_fail_memory(error, 1);
    layout->parts[layout->nparts++] = *tensor;
    layout->ntensors++;
    *done = tensor->offset + tensor->nbytes;
    return set_texts(&layout->parts[layout->nparts - 1], name, strlen(name), dtype, shape)
               ? ZIPLLM_OK
               : zipllm_fail_memory(error, strlen(name));
}

static zipllm_status add_gguf(const bitx_source *source, const zipllm_gguf *gguf, const char *path,
                              uint64_t nbytes, zipllm_layout *layout, zipllm_error *error)
{
    uint64_t done = gguf->header_nbytes;
    layout->parts = calloc(2 * gguf->ntensors + 2, sizeof *layout->parts);
    if (layout->parts == NULL || !add_plain(layout, ZIPLLM_HEADER, 0, done))
        return zipllm_fail_memory(error, (2 * gguf->ntensors + 2) * sizeof *layout->parts);
    for (size_t i = 0; i < gguf->ntensors; i++) {
        const zipllm_gguf_tensor *t = &gguf->tensors[i];
        const zipllm_gguf_type *type = zipllm_gguf_type_at(t->type);
        const zipllm_part part = {.kind = ZIPLLM_TENSOR,
                                  .dtype = type->dtype,
                                  .offset = t->begin,
                                  .nbytes = t->end - t->begin};
        char name[ZIPLLM_GGUF_NAME_MAX + 1], shape[128];
        uint64_t dims[ZIPLLM_GGUF_RANK_MAX];
        for (unsigned d = 0; d < t->rank; d++) /* slowest first, as safetensors has it */
            dims[d] = t->dims[t->rank - 1 - d];
        zipllm_shape_text(shape, sizeof shape, dims, t->rank);
        if (!zipllm_gguf_name(source, t, name))
            return zipllm_fail(error, ZIPLLM_ERROR, path, t->name_offset, 0, "cannot read");
        const zipllm_status status =
            add_located(layout, &done, &part, name, type->name, shape, error);
        if (status != ZIPLLM_OK)
            return status;
    }
    return add_plain(layout, ZIPLLM_GAP, done, nbytes - done) ? ZIPLLM_OK
                                                              : zipllm_fail_memory(error, 1);
}

static zipllm_status add_torch(const bitx_source *source, const zipllm_torchzip *torch,
                               const char *path, uint64_t nbytes, zipllm_layout *layout,
                               zipllm_error *error)
{
    uint64_t done = 0;
    layout->parts = calloc(2 * torch->nstorages + 2, sizeof *layout->parts);
    if (layout->parts == NULL)
        return zipllm_fail_memory(error, (2 * torch->nstorages + 2) * sizeof *layout->parts);
    for (size_t i = 0; i < torch->nstorages; i++) {
        const zipllm_torch_storage *s = &torch->storages[i];
        const bitx_dtype dtype = (bitx_dtype)s->dtype;
        const zipllm_part part = {
            .kind = ZIPLLM_TENSOR, .dtype = dtype, .offset = s->begin, .nbytes = s->end - s->begin};
        char name[ZIPLLM_TORCH_NAME_MAX + 8], shape[64];
        const uint64_t nelem =
            dtype == BITX_BYTES ? part.nbytes : part.nbytes / (bitx_dtype_bits(dtype) / 8);
        zipllm_shape_text(shape, sizeof shape, &nelem, 1); /* of the storage; it has no other */
        if (!zipllm_torchzip_name(source, s, name))
            return zipllm_fail(error, ZIPLLM_ERROR, path, s->begin, 0, "cannot read");
        const zipllm_status status =
            add_located(layout, &done, &part, name, bitx_dtype_name(dtype), shape, error);
        if (status != ZIPLLM_OK)
            return status;
    }
    return add_plain(layout, ZIPLLM_GAP, done, nbytes - done) ? ZIPLLM_OK
                                                              : zipllm_fail_memory(error, 1);
}

/* Failures that are not the file's. ZIPLLM_OK for all others. */
static zipllm_status parse_trouble(const zipllm_parse_error *why, const char *path, uint64_t nbytes,
                                   const file_source *file, zipllm_error *error)
{
    if (why->status == ZIPLLM_PARSE_MEMORY)
        return zipllm_fail_memory(error, nbytes);
    if (why->status == ZIPLLM_PARSE_READ)
        return zipllm_fail(error, ZIPLLM_ERROR, path, why->offset, file->os_errno, "cannot read");
    return ZIPLLM_OK;
}

static zipllm_status refused(const char *kind, const zipllm_parse_error *why, uint64_t nbytes,
                             zipllm_layout *layout, zipllm_error *error)
{
    if (why->status == ZIPLLM_PARSE_REFUSED)
        (void)snprintf(layout->note, sizeof layout->note,
                       "kept as one blob, not a valid %s: offset %" PRIu64 ": %s", kind,
                       why->offset, why->message);
    return one_blob(nbytes, layout, error);
}

static zipllm_status read_torch(const bitx_source *source, const char *path, uint64_t nbytes,
                                zipllm_layout *layout, zipllm_error *error)
{
    zipllm_parse_error why;
    zipllm_torchzip torch;
    if (zipllm_torchzip_parse(source, nbytes, &torch, &why) != ZIPLLM_PARSE_OK) {
        const zipllm_status trouble = parse_trouble(&why, path, nbytes, source->user, error);
        return trouble != ZIPLLM_OK ? trouble
                                    : refused("PyTorch archive", &why, nbytes, layout, error);
    }
    if (torch.pickle.status != ZIPLLM_PARSE_OK)
        (void)snprintf(layout->note, sizeof layout->note,
                       "PyTorch archive, %zu storages; data.pkl is not understood: offset %" PRIu64
                       ": %s",
                       torch.nstorages, torch.pickle.offset, torch.pickle.message);
    else
        (void)snprintf(layout->note, sizeof layout->note, "PyTorch archive, %zu storages",
                       torch.nstorages);
    const zipllm_status status = add_torch(source, &torch, path, nbytes, layout, error);
    zipllm_torchzip_free(&torch);
    return status;
}

/* Neither by name: the magic numbers decide. */
static zipllm_status read_other(const bitx_source *source, const char *path, uint64_t nbytes,
                                zipllm_layout *layout, zipllm_error *error)
{
    zipllm_parse_error why;
    zipllm_gguf gguf;
    if (zipllm_gguf_parse(source, nbytes, &gguf, &why) == ZIPLLM_PARSE_OK) {
        (void)snprintf(layout->note, sizeof layout->note, "GGUF version %u, %zu tensors",
                       gguf.version, gguf.ntensors);
        const zipllm_status status = add_gguf(source, &gguf, path, nbytes, layout, error);
        zipllm_gguf_free(&gguf);
        return status;
    }
    const zipllm_status trouble = parse_trouble(&why, path, nbytes, source->user, error);
    if (trouble != ZIPLLM_OK)
        return trouble;
    if (why.status == ZIPLLM_PARSE_REFUSED)
        return refused("GGUF file", &why, nbytes, layout, error);
    return read_torch(source, path, nbytes, layout, error);
}

zipllm_status zipllm_layout_read(int fd, const char *path, uint64_t nbytes, bool is_safetensors,
                                 zipllm_layout *layout, zipllm_error *error)
{
    memset(layout, 0, sizeof *layout);
    if (is_lfs_pointer(fd, nbytes)) {
        (void)snprintf(layout->note, sizeof layout->note,
                       "a Git LFS pointer, not the file that it stands for");
        return one_blob(nbytes, layout, error);
    }
    file_source file = {fd, 0};
    parse p = {.source = {read_file, &file}};
    zipllm_status status;
    if (!is_safetensors) {
        status = read_other(&p.source, path, nbytes, layout, error);
        if (status != ZIPLLM_OK)
            zipllm_layout_free(layout);
        return status;
    }
    zipllm_st_error why = {0};
    const zipllm_st_status verdict = zipllm_st_parse(&p.source, nbytes, 0, &p.st, &why);
    switch (verdict) {
    case ZIPLLM_ST_MEMORY:
        return zipllm_fail_memory(error, nbytes);
    case ZIPLLM_ST_READ:
        return zipllm_fail(error, ZIPLLM_ERROR, path, why.offset, file.os_errno, "cannot read");
    case ZIPLLM_ST_OK:
    case ZIPLLM_ST_UNKNOWN_DTYPE:
        if (verdict == ZIPLLM_ST_UNKNOWN_DTYPE)
            (void)snprintf(layout->note, sizeof layout->note,
                           "%zu tensors of an unknown dtype, kept as bytes: %s", p.st.nunknown,
                           why.message);
        p.name = malloc(ZIPLLM_ST_NAME_MAX);
        status = p.name != NULL ? add_tensors(&p, path, nbytes, layout, error)
                                : zipllm_fail_memory(error, ZIPLLM_ST_NAME_MAX);
        free(p.name);
        zipllm_st_free(&p.st);
        break;
    default:
        (void)snprintf(layout->note, sizeof layout->note,
                       "kept as one blob, not valid safetensors: %s, offset %" PRIu64 ": %s",
                       zipllm_st_status_name(verdict), why.offset, why.message);
        status = one_blob(nbytes, layout, error);
    }
    if (status != ZIPLLM_OK)
        zipllm_layout_free(layout);
    return status;
}

void zipllm_layout_free(zipllm_layout *layout)
{
    for (size_t i = 0; i < layout->nparts; i++) {
        free(layout->parts[i].name);
        free(layout->parts[i].sketch);
    }
    free(layout->parts);
    memset(layout, 0, sizeof *layout);
}

uint64_t zipllm_row_nelem(const char *shape)
{
    const char *at = strchr(shape, ',');
    uint64_t nelem = 1;

    if (at == NULL)
        return 0;
    while (*at == ',') {
        char *end;
        const uint64_t n = strtoull(at + 1, &end, 10);
        if (end == at + 1 || n == 0 || n > UINT32_MAX / nelem)
            return 0;
        nelem *= n;
        at = end;
    }
    return nelem;
}
