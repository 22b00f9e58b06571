/*
 * LD_PRELOAD for store_shim.sh: writes that are short, reads of a file that changes, memory that
 * runs out.
 *     SHIM_SHORT=1      every write takes at most half of what it is given
 *     SHIM_CHANGE=NAME:N   before the N-th pread of a file whose name ends in NAME, its last byte
 *                       is changed
 *     SHIM_MALLOC=N     the N-th malloc, calloc or realloc from the library on fails, once
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static void *next_of(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

/* ISO C has no conversion between object and function pointers. */
#define NEXT(type, name)                                                                           \
    type real;                                                                                     \
    do {                                                                                           \
        void *address = next_of(name);                                                             \
        memcpy(&real, &address, sizeof real);                                                      \
    } while (0)

static size_t shorten(size_t nbytes)
{
    return getenv("SHIM_SHORT") != NULL && nbytes > 1 ? nbytes / 2 : nbytes;
}

ssize_t pwrite64(int fd, const void *bytes, size_t nbytes, off_t offset)
{
    typedef ssize_t (*call)(int, const void *, size_t, off_t);
    NEXT(call, "pwrite64");
    return real(fd, bytes, shorten(nbytes), offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t nbytes, off_t offset)
{
    return pwrite64(fd, bytes, nbytes, offset);
}

ssize_t pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
    typedef ssize_t (*call)(int, const struct iovec *, int, off_t);
    NEXT(call, "pwritev");
    if (getenv("SHIM_SHORT") != NULL && iov[0].iov_len > 1)
        return pwrite64(fd, iov[0].iov_base, iov[0].iov_len, offset);
    return real(fd, iov, count, offset);
}

/* Does fd's path end in the name before the colon? *number gets what follows it. */
static int is_victim(int fd, const char *setting, long *number)
{
    char link[64], path[PATH_MAX];
    const char *colon = strrchr(setting, ':');
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t length = readlink(link, path, sizeof path);
    const size_t n = colon != NULL ? (size_t)(colon - setting) : 0;
    if (n == 0 || length < (ssize_t)n || memcmp(path + length - n, setting, n) != 0)
        return 0;
    *number = strtol(colon + 1, NULL, 10);
    return 1;
}

static void change_last_byte(int fd)
{
    char link[64];
    struct stat st;
    unsigned char byte;
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const int out = open(link, O_RDWR);
    if (out < 0 || fstat(out, &st) != 0 ||
        syscall(17 /* pread64 */, out, &byte, (size_t)1, st.st_size - 1) != 1)
        return;
    byte ^= 1;
    (void)pwrite64(out, &byte, 1, st.st_size - 1);
    (void)close(out);
}

ssize_t pread64(int fd, void *bytes, size_t nbytes, off_t offset)
{
    typedef ssize_t (*call)(int, void *, size_t, off_t);
    static atomic_long count;
    NEXT(call, "pread64");
    const char *setting = getenv("SHIM_CHANGE");
    long number = 0;
    if (setting != NULL && is_victim(fd, setting, &number) &&
        atomic_fetch_add(&count, 1) + 1 == number)
        change_last_byte(fd);
    return real(fd, bytes, nbytes, offset);
}

ssize_t pread(int fd, void *bytes, size_t nbytes, off_t offset)
{
    return pread64(fd, bytes, nbytes, offset);
}

/* glibc's own names, for dlsym() allocates. */
void *__libc_malloc(size_t nbytes);
void *__libc_calloc(size_t n, size_t nbytes);
void *__libc_realloc(void *memory, size_t nbytes);

static int fails(void)
{
    static atomic_long count;
    static long wanted = -1;
    if (wanted < 0) {
        const char *setting = getenv("SHIM_MALLOC");
        wanted = setting != NULL ? strtol(setting, NULL, 10) : 0;
    }
    return wanted > 0 && atomic_fetch_add(&count, 1) + 1 == wanted;
}

void *malloc(size_t nbytes)
{
    return fails() ? NULL : __libc_malloc(nbytes);
}

void *calloc(size_t n, size_t nbytes)
{
    return fails() ? NULL : __libc_calloc(n, nbytes);
}

void *realloc(void *memory, size_t nbytes)
{
    return fails() ? NULL : __libc_realloc(memory, nbytes);
}
