#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

/* Linux transfers at most this much in one call. */
#define CALL_MAX ((size_t)0x7ffff000)

ssize_t zipllm_pread(int fd, void *dst, size_t nbytes, uint64_t offset)
{
    size_t done = 0;
    if (offset > INT64_MAX - nbytes) {
        errno = EOVERFLOW;
        return -1;
    }
    while (done < nbytes) {
        const size_t want = nbytes - done < CALL_MAX ? nbytes - done : CALL_MAX;
        const ssize_t got = pread(fd, (uint8_t *)dst + done, want, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

int zipllm_pwrite(int fd, const void *src, size_t nbytes, uint64_t offset)
{
    size_t done = 0;
    while (done < nbytes) {
        const size_t want = nbytes - done < CALL_MAX ? nbytes - done : CALL_MAX;
        const ssize_t put = pwrite(fd, (const uint8_t *)src + done, want, (off_t)(offset + done));
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            if (put == 0)
                errno = EIO;
            return -1;
        }
        done += (size_t)put;
    }
    return 0;
}

/* Drops the first nbytes of a vector; returns how many entries are used up. */
static size_t consume(struct iovec *iov, size_t count, size_t nbytes)
{
    size_t i = 0;
    while (i < count && nbytes >= iov[i].iov_len)
        nbytes -= iov[i++].iov_len;
    if (i < count) {
        iov[i].iov_base = (uint8_t *)iov[i].iov_base + nbytes;
        iov[i].iov_len -= nbytes;
    }
    return i;
}

int zipllm_pwritev(int fd, struct iovec *iov, size_t count, uint64_t offset)
{
    size_t first = 0;
    while (first < count) {
        const size_t many = count - first < IOV_MAX ? count - first : IOV_MAX;
        const ssize_t put = pwritev(fd, iov + first, (int)many, (off_t)offset);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -1;
        const size_t used = consume(iov + first, many, (size_t)put);
        if (put == 0 && used == 0) {
            errno = EIO;
            return -1;
        }
        first += used;
        offset += (uint64_t)put;
    }
    return 0;
}

char *zipllm_path_join(const char *dir, const char *name)
{
    const size_t a = strlen(dir), b = strlen(name);
    char *path = malloc(a + b + 2);
    if (path == NULL)
        return NULL;
    memcpy(path, dir, a);
    path[a] = '/';
    memcpy(path + a + 1, name, b + 1);
    return path;
}

zipllm_status zipllm_fail_at(const zipllm_dir *dir, const char *name, int os_errno,
                             const char *what, zipllm_error *error)
{
    char *path = zipllm_path_join(dir->path, name);
    (void)zipllm_fail_os(error, path != NULL ? path : name, os_errno, what);
    free(path);
    return ZIPLLM_ERROR;
}

zipllm_status zipllm_sync_fd(int fd, const zipllm_dir *dir, const char *name, zipllm_error *error)
{
    if (fsync(fd) != 0)
        return zipllm_fail_at(dir, name, errno, "cannot flush to disk", error);
    return ZIPLLM_OK;
}

zipllm_status zipllm_sync_dir(const zipllm_dir *dir, const char *name, zipllm_error *error)
{
    const int fd = openat(dir->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return zipllm_fail_at(dir, name, errno, "cannot open directory", error);
    const zipllm_status status = zipllm_sync_fd(fd, dir, name, error);
    (void)close(fd);
    return status;
}

/* The directory part of a relative path into dst ("." if there is none). */
static void parent_of(char dst[PATH_MAX], const char *name)
{
    const char *slash = strrchr(name, '/');
    const size_t length = slash != NULL ? (size_t)(slash - name) : 0;
    if (length == 0 || length >= PATH_MAX) {
        memcpy(dst, ".", 2);
        return;
    }
    memcpy(dst, name, length);
    dst[length] = '\0';
}

zipllm_status zipllm_make_dir(const zipllm_dir *dir, const char *name, zipllm_error *error)
{
    char parent[PATH_MAX];
    if (mkdirat(dir->fd, name, 0777) != 0 && errno != EEXIST)
        return zipllm_fail_at(dir, name, errno, "cannot make directory", error);
    /* Also where it exists: whoever made it may have been killed before the fsync. */
    parent_of(parent, name);
    return zipllm_sync_dir(dir, parent, error);
}

zipllm_status zipllm_publish(const zipllm_dir *dir, const char *tmp, const char *name,
                             zipllm_error *error)
{
    char parent[PATH_MAX];
    parent_of(parent, name);
    if (strcmp(parent, ".") != 0) {
        const zipllm_status status = zipllm_make_dir(dir, parent, error);
        if (status != ZIPLLM_OK)
            return status;
    }
    if (renameat(dir->fd, tmp, dir->fd, name) != 0)
        return zipllm_fail_at(dir, name, errno, "cannot rename to this name", error);
    return zipllm_sync_dir(dir, parent, error);
}

zipllm_status zipllm_read_small(const zipllm_dir *dir, const char *name, size_t limit, char **text,
                                size_t *nbytes, zipllm_error *error)
{
    const int fd = openat(dir->fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return zipllm_fail_at(dir, name, errno, "cannot open", error);

    struct stat st;
    zipllm_status status = ZIPLLM_ERROR;
    char *buffer = NULL;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        (void)zipllm_fail_at(dir, name, 0, "not a regular file", error);
    } else if ((uint64_t)st.st_size > limit) {
        (void)zipllm_fail_at(dir, name, EFBIG, "cannot read", error);
    } else if ((buffer = malloc((size_t)st.st_size + 1)) == NULL) {
        (void)zipllm_fail_memory(error, (uint64_t)st.st_size + 1);
    } else {
        const ssize_t got = zipllm_pread(fd, buffer, (size_t)st.st_size, 0);
        if (got < 0) {
            (void)zipllm_fail_at(dir, name, errno, "cannot read", error);
        } else {
            buffer[got] = '\0';
            *nbytes = (size_t)got;
            *text = buffer;
            buffer = NULL;
            status = ZIPLLM_OK;
        }
    }
    free(buffer);
    (void)close(fd);
    return status;
}

int zipllm_random(void *dst, size_t nbytes)
{
    size_t done = 0;
    while (done < nbytes) {
        const ssize_t got = getrandom((uint8_t *)dst + done, nbytes - done, 0);
        if (got < 0 && errno != EINTR)
            return -1;
        if (got > 0)
            done += (size_t)got;
    }
    return 0;
}

void zipllm_hex(char *text, const uint8_t *bytes, size_t nbytes)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < nbytes; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * nbytes] = '\0';
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool zipllm_unhex(uint8_t *bytes, size_t nbytes, const char *text)
{
    if (strlen(text) != 2 * nbytes)
        return false;
    for (size_t i = 0; i < nbytes; i++) {
        const int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
