/* System calls that finish what they began, and files that survive a power cut. */
#ifndef ZIPLLM_IO_H
#define ZIPLLM_IO_H

#include <sys/types.h>
#include <sys/uio.h>

#include "zipllm.h"

/* Bytes read: fewer than nbytes only at the end of the file; -1 and errno on failure. */
ssize_t zipllm_pread(int fd, void *dst, size_t nbytes, uint64_t offset);
/* 0, or -1 and errno. */
int zipllm_pwrite(int fd, const void *src, size_t nbytes, uint64_t offset);
/* Writes all of the vector, which is consumed. 0, or -1 and errno. */
int zipllm_pwritev(int fd, struct iovec *iov, size_t count, uint64_t offset);

/* A directory by descriptor, with the path that messages show. */
typedef struct zipllm_dir {
    int fd;
    const char *path;
} zipllm_dir;

/* "dir/name", malloced; NULL when out of memory. */
char *zipllm_path_join(const char *dir, const char *name);

/* fsync; a failure is final, for the kernel forgets which pages it could not write. */
zipllm_status zipllm_sync_fd(int fd, const zipllm_dir *dir, const char *name, zipllm_error *error);
/* fsync of the directory `name` beneath dir ("." for itself). */
zipllm_status zipllm_sync_dir(const zipllm_dir *dir, const char *name, zipllm_error *error);

/* mkdir name beneath dir unless it exists, and fsync of the directory that holds it. */
zipllm_status zipllm_make_dir(const zipllm_dir *dir, const char *name, zipllm_error *error);

/* Renames tmp to name, both beneath dir, and fsyncs name's directory, which is made if absent. The
   file's contents must have been fsynced. */
zipllm_status zipllm_publish(const zipllm_dir *dir, const char *tmp, const char *name,
                             zipllm_error *error);

/* The whole of a small file, NUL-terminated, malloced. Over limit bytes: an error. */
zipllm_status zipllm_read_small(const zipllm_dir *dir, const char *name, size_t limit, char **text,
                                size_t *nbytes, zipllm_error *error);

/* errno into error, naming dir/name. */
zipllm_status zipllm_fail_at(const zipllm_dir *dir, const char *name, int os_errno,
                             const char *what, zipllm_error *error);

enum { ZIPLLM_ID_NBYTES = 16, ZIPLLM_ID_TEXT = 2 * ZIPLLM_ID_NBYTES + 1 };

/* Random bytes; 0, or -1 and errno. */
int zipllm_random(void *dst, size_t nbytes);
void zipllm_hex(char *text, const uint8_t *bytes, size_t nbytes);   /* 2 * nbytes + 1 chars */
bool zipllm_unhex(uint8_t *bytes, size_t nbytes, const char *text); /* exactly 2 * nbytes digits */

#endif
