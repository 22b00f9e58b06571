/*
 * scan.h: what a model directory holds, and how its files are opened.
 *
 * Every regular file and every empty directory counts, at any depth, hidden ones too. A symbolic
 * link to a regular file counts as that file when it stays inside the model directory or inside the
 * blobs/ of the Hugging Face cache that the directory belongs to; elsewhere only with `follow`.
 * Anything else (FIFO, device, socket, link to a directory, broken link) is an error that names it.
 * Nothing is opened before its type is known, and always with O_NONBLOCK, so that a FIFO cannot
 * hang us.
 */
#ifndef ZIPLLM_SCAN_H
#define ZIPLLM_SCAN_H

#include <sys/types.h>

#include "zipllm.h"

enum { ZIPLLM_PATH_MAX = 4096 }; /* bytes of a path within a model, no NUL counted */

/* True for a path that may be stored and restored: relative, 1 to ZIPLLM_PATH_MAX bytes, no NUL, no
   empty, "." or ".." component. */
bool zipllm_path_is_safe(const char *path, size_t nbytes);

typedef struct zipllm_scan_item {
    char *path; /* within the model */
    bool directory;
    bool link; /* a symbolic link to a file */
    uint64_t nbytes;
    dev_t dev;
    ino_t ino;
} zipllm_scan_item;

typedef struct zipllm_scan {
    char *root;              /* the directory, as it was named by the user: for messages */
    int root_fd;             /* -1: nothing is open */
    zipllm_scan_item *items; /* by path, bytewise; an empty directory has one, others have none */
    size_t nitems;
    char *name;     /* "ORG/NAME" from a Hugging Face cache's layout, else the last component */
    char *revision; /* the snapshot of such a cache, or NULL */
} zipllm_scan;

/* path: a directory, or one file. Either may be named through a symbolic link. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_scan_open(const char *path, bool follow, zipllm_scan *scan,
                                                  zipllm_error *error);
void zipllm_scan_close(zipllm_scan *scan);

/* Opens an item for reading. It must still be the file that the scan saw: same device and inode,
   same size; else "changed while being read". */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_scan_open_file(const zipllm_scan *scan,
                                                       const zipllm_scan_item *item, int *fd,
                                                       zipllm_error *error);

/* The item of that path, or NULL. */
const zipllm_scan_item *zipllm_scan_find(const zipllm_scan *scan, const char *path);

/* "ROOT/PATH" for messages, malloced; NULL when out of memory. */
char *zipllm_scan_path(const zipllm_scan *scan, const zipllm_scan_item *item);

/* Whether a whole file is a Git LFS pointer (https://git-lfs.github.com/spec/v1), which a clone
   without LFS leaves in place of the weights; *size is that of the real file. Only a file below
   ZIPLLM_LFS_MAX bytes can be one. */
enum { ZIPLLM_LFS_MAX = 1024 };
bool zipllm_is_lfs_pointer(const void *bytes, size_t nbytes, uint64_t *size);

#endif
