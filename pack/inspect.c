/* zipllm_inspect(): what the header of one safetensors file says. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "io.h"
#include "safetensors.h"
#include "scan.h"

typedef struct inspection {
    int fd;
    int read_errno; /* of the read that failed */
    zipllm_st st;
    void (*tensor)(void *user, const zipllm_inspect_tensor *tensor);
    void *user;
    char name[ZIPLLM_ST_NAME_MAX + 1];
    zipllm_st_details details;
    char shape[ZIPLLM_ST_RANK_MAX * 21 + 3]; /* 20 digits and a comma each */
} inspection;

static int read_file(void *user, uint64_t offset, void *dst, size_t nbytes)
{
    inspection *in = user;
    ssize_t got = zipllm_pread(in->fd, dst, nbytes, offset);

    in->read_errno = got < 0 ? errno : 0;
    return got == (ssize_t)nbytes ? 0 : -1;
}

static void shape_text(inspection *in, unsigned rank)
{
    size_t used = 0;
    unsigned i;

    in->shape[used++] = '[';
    for (i = 0; i < rank; i++)
        used += (size_t)snprintf(in->shape + used, sizeof in->shape - used, "%s%" PRIu64,
                                 i > 0 ? "," : "", in->details.dims[i]);
    (void)snprintf(in->shape + used, sizeof in->shape - used, "]");
}

static bool tell(inspection *in, const bitx_source *source, const zipllm_st_entry *entry)
{
    zipllm_inspect_tensor tensor;
    size_t nbytes = 0;

    if (!zipllm_st_name(&in->st, source, entry, in->name, ZIPLLM_ST_NAME_MAX, &nbytes) ||
        !zipllm_st_read_details(&in->st, source, entry, &in->details))
        return false;
    in->name[nbytes] = '\0';
    shape_text(in, entry->rank);
    tensor = (zipllm_inspect_tensor){
        .name = in->name,
        .name_nbytes = nbytes,
        .dtype = in->details.dtype,
        .shape = in->shape,
        .offset = 8 + in->st.header_nbytes + entry->begin,
        .nbytes = entry->end - entry->begin,
    };
    in->tensor(in->user, &tensor);
    return true;
}

/* The verdict, with the file's path; ZIPLLM_OK for a valid file. */
static zipllm_status judge(inspection *in, const char *path, zipllm_st_status verdict,
                           const zipllm_st_error *why, zipllm_error *error)
{
    if (verdict == ZIPLLM_ST_OK)
        return ZIPLLM_OK;
    if (verdict == ZIPLLM_ST_READ && in->read_errno != 0)
        return zipllm_fail_os(error, path, in->read_errno, "cannot read");
    if (verdict == ZIPLLM_ST_READ)
        return zipllm_fail(error, ZIPLLM_ERROR, path, why->offset, 0, "changed while being read");
    return zipllm_fail(error, ZIPLLM_ERROR, path, why->offset, 0, "%s", why->message);
}

static zipllm_status inspect(inspection *in, const char *path, uint64_t nbytes,
                             zipllm_inspect_result *result, zipllm_error *error)
{
    const bitx_source source = {read_file, in};
    zipllm_st_error why;
    zipllm_st_status verdict = zipllm_st_parse(&source, nbytes, 0, &in->st, &why);
    zipllm_status status = judge(in, path, verdict, &why, error);
    size_t i;

    for (i = 0; status == ZIPLLM_OK && in->tensor != NULL && i < in->st.nentries; i++)
        if (!tell(in, &source, &in->st.entries[i]))
            status = zipllm_fail(error, ZIPLLM_ERROR, path, 8, in->read_errno,
                                 "changed while being read");
    if (status != ZIPLLM_OK)
        return status;
    result->file_nbytes = nbytes;
    result->header_nbytes = 8 + in->st.header_nbytes;
    result->tensors = in->st.nentries;
    result->tensor_nbytes = nbytes - result->header_nbytes;
    return ZIPLLM_OK;
}

static zipllm_status inspect_scanned(const zipllm_scan *scan, inspection *in, const char *path,
                                     zipllm_inspect_result *result, zipllm_error *error)
{
    const zipllm_scan_item *item = &scan->items[0];
    zipllm_status status = zipllm_scan_open_file(scan, item, &in->fd, error);

    if (status != ZIPLLM_OK)
        return status;
    status = inspect(in, path, item->nbytes, result, error);
    close(in->fd);
    zipllm_st_free(&in->st);
    return status;
}

zipllm_status zipllm_inspect(const char *path,
                             void (*tensor)(void *user, const zipllm_inspect_tensor *tensor),
                             void *user, zipllm_inspect_result *result, zipllm_error *error)
{
    inspection *in;
    zipllm_scan scan;
    zipllm_status status;
    struct stat st;

    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return zipllm_fail_os(error, path, EISDIR, "cannot inspect");
    status = zipllm_scan_open(path, true, &scan, error);
    if (status != ZIPLLM_OK)
        return status;
    in = calloc(1, sizeof *in);
    if (in == NULL) {
        status = zipllm_fail_memory(error, sizeof *in);
    } else {
        in->tensor = tensor;
        in->user = user;
        status = inspect_scanned(&scan, in, path, result, error);
    }
    free(in);
    zipllm_scan_close(&scan);
    return status;
}
