#include "coded_run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "hash.h"
#include "io.h"

static void run_alone(void *user, bitx_job job, void *arg, size_t n)
{
    size_t i;

    (void)user;
    for (i = 0; i < n; i++)
        job(arg, i, 0);
}

/* ---- inputs and output -------------------------------------------------------------------------
 */

static zipllm_status open_input(zipllm_coded_run *run, zipllm_coded_input *in, const char *path)
{
    in->path = path;
    /* O_NONBLOCK: a FIFO without a writer must not hang us. */
    in->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (in->fd < 0)
        return zipllm_fail_os(run->error, path, errno, "cannot open");
    if (fstat(in->fd, &in->st) != 0)
        return zipllm_fail_os(run->error, path, errno, "cannot stat");
    if (!S_ISREG(in->st.st_mode))
        return zipllm_fail(run->error, ZIPLLM_ERROR, path, ZIPLLM_NO_OFFSET, 0,
                           "is not a regular file");
    return ZIPLLM_OK;
}

static zipllm_status open_output(zipllm_coded_run *run, const char *path)
{
    static const char suffix[] = ".tmp.XXXXXX";
    size_t nbytes = strlen(path);
    struct stat st;
    mode_t mask;

    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return zipllm_fail(run->error, ZIPLLM_ERROR, path, ZIPLLM_NO_OFFSET, 0,
                           "exists and is not a regular file");
    run->out_path = strdup(path);
    run->tmp_path = malloc(nbytes + sizeof suffix);
    if (run->out_path == NULL || run->tmp_path == NULL)
        return zipllm_fail_memory(run->error, nbytes);
    memcpy(run->tmp_path, path, nbytes);
    memcpy(run->tmp_path + nbytes, suffix, sizeof suffix);
    run->out_fd = mkostemp(run->tmp_path, O_CLOEXEC);
    if (run->out_fd < 0) {
        int saved = errno;
        free(run->tmp_path);
        run->tmp_path = NULL;
        return zipllm_fail_os(run->error, path, saved, "cannot create");
    }
    mask = umask(0);
    (void)umask(mask);
    (void)fchmod(run->out_fd, 0666 & ~mask);
    return ZIPLLM_OK;
}

static zipllm_status check_unchanged(const zipllm_coded_run *run, const zipllm_coded_input *in)
{
    struct stat now;

    if (in->fd < 0)
        return ZIPLLM_OK;
    if (fstat(in->fd, &now) != 0)
        return zipllm_fail_os(run->error, in->path, errno, "cannot stat");
    if (now.st_size != in->st.st_size || now.st_mtim.tv_sec != in->st.st_mtim.tv_sec ||
        now.st_mtim.tv_nsec != in->st.st_mtim.tv_nsec)
        return zipllm_fail(run->error, ZIPLLM_ERROR, in->path, ZIPLLM_NO_OFFSET, 0,
                           "changed while being read");
    return ZIPLLM_OK;
}

/* fsync of the directory that holds the output, so that its new name is durable. */
static int sync_parent(const char *path)
{
    char *copy = strdup(path), *slash = copy != NULL ? strrchr(copy, '/') : NULL;
    int fd, failed;

    if (copy == NULL)
        return -1;
    if (slash != NULL)
        slash[slash == copy ? 1 : 0] = '\0';
    fd = open(slash != NULL ? copy : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(copy);
    if (fd < 0)
        return -1;
    failed = fsync(fd);
    close(fd);
    return failed;
}

zipllm_status zipllm_coded_finish(zipllm_coded_run *run)
{
    zipllm_status status = check_unchanged(run, &run->in);
    int fd = run->out_fd, failed;

    for (unsigned k = 0; k < run->nbases && status == ZIPLLM_OK; k++)
        status = check_unchanged(run, &run->bases[k]);
    if (status != ZIPLLM_OK)
        return status;
    if (fsync(fd) != 0)
        return zipllm_fail_os(run->error, run->out_path, errno, "cannot write to disk");
    run->out_fd = -1;
    failed = close(fd);
    if (failed != 0 || rename(run->tmp_path, run->out_path) != 0)
        return zipllm_fail_os(run->error, run->out_path, errno, "cannot finish");
    free(run->tmp_path);
    run->tmp_path = NULL;
    if (sync_parent(run->out_path) != 0)
        return zipllm_fail_os(run->error, run->out_path, errno, "cannot sync its directory");
    return ZIPLLM_OK;
}

/* ---- workers -----------------------------------------------------------------------------------
 */

static zipllm_status make_workers(zipllm_coded_run *run, uint64_t memory_nbytes)
{
    size_t n = run->executor.nworkers + 1u, i;
    uint64_t most = memory_nbytes / 2 / (3 * (uint64_t)ZIPLLM_CODED_BLOCK);
    size_t least = 2 * (size_t)run->nbases; /* blocks: of each base a range of a wider dtype */

    run->batch = 4 * (size_t)run->executor.nworkers;
    if (run->batch > most)
        run->batch = (size_t)most;
    if (run->batch > ZIPLLM_CODED_BATCH_MAX)
        run->batch = ZIPLLM_CODED_BATCH_MAX;
    run->contexts = calloc(n, sizeof(bitx_ctx *));
    run->base_nbytes = (run->batch > least ? run->batch : least) * ZIPLLM_CODED_BLOCK;
    run->plain = malloc(2 * run->batch * ZIPLLM_CODED_BLOCK + run->base_nbytes);
    run->sha = EVP_MD_CTX_new();
    if (run->contexts == NULL || run->plain == NULL || run->sha == NULL ||
        EVP_DigestInit_ex(run->sha, EVP_sha256(), NULL) != 1)
        return zipllm_fail_memory(run->error, 3 * run->batch * ZIPLLM_CODED_BLOCK);
    run->coded = run->plain + run->batch * ZIPLLM_CODED_BLOCK;
    run->base = run->coded + run->batch * ZIPLLM_CODED_BLOCK;
    for (i = 0; i < n; i++)
        if (bitx_ctx_new(NULL, NULL, &run->contexts[i]) != BITX_OK)
            return zipllm_fail_memory(run->error, 0);
    return ZIPLLM_OK;
}

zipllm_status zipllm_coded_open(zipllm_coded_run *run, const char *path, const char *const *bases,
                                size_t nbases, const char *out, const zipllm_options *options,
                                zipllm_error *error)
{
    static const bitx_executor alone = {run_alone, NULL, 1};
    uint64_t memory_nbytes = options != NULL ? options->memory_nbytes : 0;
    zipllm_status status;

    memset(run, 0, sizeof *run);
    run->in.fd = run->out_fd = -1;
    run->error = error;
    run->executor = options != NULL && options->executor != NULL ? *options->executor : alone;
    if (options != NULL) {
        run->progress = options->progress;
        run->user = options->user;
        run->effort = options->effort;
    }
    if (memory_nbytes == 0)
        memory_nbytes = 4 * ZIPLLM_MEMORY_MIN;
    run->fit_nbytes = memory_nbytes / 2;
    if (memory_nbytes < ZIPLLM_MEMORY_MIN)
        return zipllm_fail(error, ZIPLLM_USAGE, NULL, ZIPLLM_NO_OFFSET, 0,
                           "at least 64 MB of memory are needed");
    if (nbases > BITX_BASES_MAX)
        return zipllm_fail(error, ZIPLLM_USAGE, NULL, ZIPLLM_NO_OFFSET, 0,
                           "at most %d bases can be used", BITX_BASES_MAX);
    status = open_input(run, &run->in, path);
    for (size_t k = 0; k < nbases && status == ZIPLLM_OK; k++) {
        run->bases[k].fd = -1;
        run->nbases = (unsigned)k + 1;
        status = open_input(run, &run->bases[k], bases[k]);
    }
    if (status == ZIPLLM_OK)
        status = make_workers(run, memory_nbytes);
    if (status == ZIPLLM_OK)
        status = open_output(run, out);
    return status;
}

void zipllm_coded_close(zipllm_coded_run *run)
{
    size_t i;

    if (run->out_fd >= 0)
        close(run->out_fd);
    if (run->tmp_path != NULL)
        (void)unlink(run->tmp_path);
    if (run->in.fd >= 0)
        close(run->in.fd);
    for (i = 0; i < run->nbases; i++)
        if (run->bases[i].fd >= 0)
            close(run->bases[i].fd);
    for (i = 0; run->contexts != NULL && i <= run->executor.nworkers; i++)
        bitx_ctx_free(run->contexts[i]);
    free(run->contexts);
    free(run->plain);
    free(run->out_path);
    free(run->tmp_path);
    EVP_MD_CTX_free(run->sha);
}

/* ---- steps -------------------------------------------------------------------------------------
 */

zipllm_status zipllm_coded_read(const zipllm_coded_run *run, const zipllm_coded_input *in,
                                void *dst, size_t nbytes, uint64_t offset)
{
    ssize_t got = zipllm_pread(in->fd, dst, nbytes, offset);

    if (got < 0)
        return zipllm_fail_os(run->error, in->path, errno, "cannot read");
    if ((size_t)got != nbytes)
        return zipllm_fail(run->error, ZIPLLM_ERROR, in->path, offset + (uint64_t)got, 0,
                           "changed while being read");
    return ZIPLLM_OK;
}

zipllm_status zipllm_coded_write(const zipllm_coded_run *run, const void *src, size_t nbytes,
                                 uint64_t offset)
{
    if (zipllm_pwrite(run->out_fd, src, nbytes, offset) != 0)
        return zipllm_fail_os(run->error, run->out_path, errno, "cannot write");
    return ZIPLLM_OK;
}

zipllm_status zipllm_coded_hash(const zipllm_coded_run *run, const zipllm_coded_input *in,
                                uint64_t offset, uint64_t nbytes, uint8_t hash[BITX_HASH_NBYTES])
{
    XXH3_state_t *state = XXH3_createState();
    size_t window = run->batch * ZIPLLM_CODED_BLOCK, n;
    zipllm_status status = ZIPLLM_OK;
    uint64_t at;

    if (state == NULL)
        return zipllm_fail_memory(run->error, sizeof *state);
    (void)XXH3_128bits_reset(state);
    for (at = 0; status == ZIPLLM_OK && at < nbytes; at += n) {
        n = nbytes - at < window ? (size_t)(nbytes - at) : window;
        status = zipllm_coded_read(run, in, run->base, n, offset + at);
        if (status == ZIPLLM_OK)
            (void)XXH3_128bits_update(state, run->base, n);
    }
    zipllm_hash_store(hash, XXH3_128bits_digest(state));
    XXH3_freeState(state);
    return status;
}

size_t zipllm_coded_batch(const zipllm_coded_run *run, uint64_t left, unsigned nbases,
                          size_t each_nbytes)
{
    size_t n = left < run->batch ? (size_t)left : run->batch;
    size_t each = nbases * each_nbytes;

    if (each != 0 && n * each > run->base_nbytes)
        n = run->base_nbytes / each;
    return n;
}

zipllm_status zipllm_coded_progress(zipllm_coded_run *run, const char *phase, uint64_t nbytes)
{
    zipllm_progress now = {phase, run->in.path, 0, run->total};

    run->done += nbytes;
    now.done = run->done;
    if (run->progress != NULL && !run->progress(run->user, &now))
        return zipllm_fail(run->error, ZIPLLM_ERROR, NULL, ZIPLLM_NO_OFFSET, 0, "cancelled");
    return ZIPLLM_OK;
}

zipllm_status zipllm_coded_fault(const zipllm_coded_run *run, const char *path, uint64_t offset,
                                 bitx_status status)
{
    zipllm_status kind =
        status == BITX_ERR_MEMORY || status == BITX_ERR_SOURCE ? ZIPLLM_ERROR : ZIPLLM_DAMAGED;

    return zipllm_fail(run->error, kind, path, offset, 0, "%s", bitx_status_name(status));
}
