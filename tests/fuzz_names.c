/*
 * Names of files to restore, as a damaged or forged store could have them: two per input, split at
 * the first line feed. Whatever is created lies beneath the target, under the name that was given,
 * and what lies beside it stays as it was.
 */
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scan.h"
#include "target.h"

static char root[64]; /* holds "target", the link "target/out" that leads out of it, and "beside" */

static void check(bool condition)
{
    if (!condition)
        abort();
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    return ftw->level == 0 ? 0 : remove(path);
}

static const char *path_of(const char *name)
{
    static char path[128];

    (void)snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static void lay_out(void)
{
    int fd;

    if (root[0] == '\0') {
        (void)snprintf(root, sizeof root, "%s/fuzz-names-XXXXXX",
                       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        check(mkdtemp(root) != NULL);
    }
    (void)nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    check(mkdir(path_of("target"), 0777) == 0 && mkdir(path_of("beside"), 0777) == 0);
    check(symlink("../beside", path_of("target/out")) == 0);
    fd = open(path_of("beside/file"), O_CREAT | O_WRONLY | O_EXCL, 0666);
    check(fd >= 0);
    (void)close(fd);
}

/* The path of an open file. */
static void opened(int fd, char *path)
{
    char link[64];
    ssize_t n;

    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, PATH_MAX);
    check(n > 0 && n < PATH_MAX);
    path[n] = '\0';
}

static void create(const zipllm_target *target, const char *name, bool directory)
{
    zipllm_target_file file;
    zipllm_error error;
    char parent[PATH_MAX + 1];
    const char *inside;
    size_t nbytes;

    if (directory) {
        (void)!zipllm_target_mkdir(target, name, &error);
        return;
    }
    if (zipllm_target_create(target, name, &file, &error) != ZIPLLM_OK)
        return;
    check(zipllm_path_is_safe(name, strlen(name)));
    opened(file.dir_fd, parent);
    inside = path_of("target");
    nbytes = strlen(inside);
    check(strncmp(parent, inside, nbytes) == 0);
    /* What is left of it and the file's own name are the name. */
    check(parent[nbytes] == '\0'
              ? strcmp(name, file.base) == 0
              : strncmp(parent + nbytes + 1, name, strlen(parent + nbytes + 1)) == 0);
    (void)!zipllm_target_finish(target, &file, &error);
}

static void check_beside(void)
{
    struct stat st;

    check(lstat(path_of("beside"), &st) == 0 && S_ISDIR(st.st_mode) && st.st_nlink == 2);
    check(lstat(path_of("beside/file"), &st) == 0 && st.st_size == 0);
    check(unlink(path_of("beside/file")) == 0);
    check(rmdir(path_of("beside")) == 0); /* nothing else came into it */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *names = malloc(size + 1);
    zipllm_target target;
    zipllm_error error;
    char *second;

    check(names != NULL);
    (void)zipllm_path_is_safe((const char *)data, size); /* with NUL bytes, too */
    memcpy(names, data, size);
    names[size] = '\0';
    second = strchr(names, '\n');
    if (second != NULL)
        *second++ = '\0';
    lay_out();
    check(zipllm_target_open(&target, path_of("target"), true, &error) == ZIPLLM_OK);
    create(&target, names, size % 3 == 0);
    if (second != NULL)
        create(&target, second, size % 5 == 0);
    zipllm_target_close(&target);
    check_beside();
    free(names);
    return 0;
}
