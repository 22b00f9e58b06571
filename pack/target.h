/*
 * The directory that get fills. Names come from the store and are not trusted: each component is
 * opened beneath the one before it, through no symbolic link. A file has a temporary name until
 * all of it is there.
 */
#ifndef ZIPLLM_TARGET_H
#define ZIPLLM_TARGET_H

#include "io.h"
#include "zipllm.h"

typedef struct zipllm_target {
    const char *path;
    int fd;
    bool force;
} zipllm_target;

typedef struct zipllm_target_file {
    int dir_fd; /* that holds it */
    int fd;
    char tmp[48];
    const char *base; /* last component of the path given */
    char *shown;      /* for messages */
} zipllm_target_file;

/* Makes path (and what leads to it) a directory. Refuses one that is not empty, unless force. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_target_open(zipllm_target *target, const char *path,
                                                    bool force, zipllm_error *error);
void zipllm_target_close(zipllm_target *target);

ZIPLLM_WARN_UNUSED zipllm_status zipllm_target_mkdir(const zipllm_target *target, const char *name,
                                                     zipllm_error *error);
/* Begins a file; name must stay until it is finished or dropped. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_target_create(const zipllm_target *target, const char *name,
                                                      zipllm_target_file *file,
                                                      zipllm_error *error);
/* fsync, rename to its name, fsync of the directory. The file is closed in any case. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_target_finish(const zipllm_target *target,
                                                      zipllm_target_file *file,
                                                      zipllm_error *error);
/* Closes and unlinks. */
void zipllm_target_drop(zipllm_target_file *file);

/* Does path (which need not be there) lie in the directory behind dir_fd? */
bool zipllm_target_is_within(int dir_fd, const char *path);

#endif
