#include "target.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "error.h"
#include "scan.h"

/* ---- beneath -----------------------------------------------------------------------------------
 */

/*
 * Opens one component. Linux 5.6 refuses links and mount tricks in the call itself; before it (and
 * under QEMU's user mode and some sandboxes) O_NOFOLLOW on a single component says the same, for a
 * component is never "..".
 */
static int open_beneath(int dir_fd, const char *name, int flags, mode_t mode)
{
#ifdef SYS_openat2
    struct open_how how = {.flags = (unsigned)flags | O_CLOEXEC | O_NOFOLLOW,
                           .mode = flags & O_CREAT ? mode : 0,
                           .resolve =
                               RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    const long fd = syscall(SYS_openat2, dir_fd, name, &how, sizeof how);
    if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
        return (int)fd;
#endif
    return openat(dir_fd, name, flags | O_CLOEXEC | O_NOFOLLOW, mode);
}

/* Makes a directory if need be and opens it. */
static int enter(int dir_fd, const char *name)
{
    const bool made = mkdirat(dir_fd, name, 0777) == 0;
    if (!made && errno != EEXIST)
        return -1;
    if (made && fsync(dir_fd) != 0)
        return -1;
    return open_beneath(dir_fd, name, O_RDONLY | O_DIRECTORY, 0);
}

/* Opens the directory that holds the last component of a safe name; -1 and errno. */
static int enter_parent(int root_fd, const char *name, const char **base)
{
    char component[ZIPLLM_PATH_MAX + 1];
    int fd = dup(root_fd);
    for (const char *slash; fd >= 0 && (slash = strchr(name, '/')) != NULL; name = slash + 1) {
        const size_t length = (size_t)(slash - name);
        memcpy(component, name, length);
        component[length] = '\0';
        const int next = enter(fd, component), saved = errno;
        (void)close(fd);
        fd = next;
        errno = saved;
    }
    *base = name;
    return fd;
}

static zipllm_status check_name(const zipllm_target *target, const char *name, zipllm_error *error)
{
    if (zipllm_path_is_safe(name, strlen(name)))
        return ZIPLLM_OK;
    return zipllm_fail(error, ZIPLLM_DAMAGED, target->path, ZIPLLM_NO_OFFSET, 0,
                       "the store names a file that would not lie beneath the target: '%s'", name);
}

/* ---- the directory -----------------------------------------------------------------------------
 */

/* mkdir -p, for the path that the user gave. */
static int make_path(const char *path)
{
    char *copy = strdup(path);
    int result = copy != NULL ? 0 : -1;
    for (char *slash = copy; result == 0 && slash != NULL;) {
        slash = strchr(slash + 1, '/');
        if (slash != NULL)
            *slash = '\0';
        if (*copy != '\0' && mkdir(copy, 0777) != 0 && errno != EEXIST)
            result = -1;
        if (slash != NULL)
            *slash = '/';
    }
    const int saved = errno;
    free(copy);
    errno = saved;
    return result;
}

/* The directory at path, or what would be the nearest one above it; -1 and errno. */
static int open_nearest(const char *path)
{
    char *copy = strdup(path);
    int fd = -1;
    if (copy == NULL)
        return -1;
    for (;;) {
        char *slash = strrchr(copy, '/');
        fd = open(*copy != '\0' ? copy : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0 || errno != ENOENT || *copy == '\0')
            break;
        if (slash == copy)
            copy[1] = '\0'; /* the root */
        else
            *(slash != NULL ? slash : copy) = '\0';
    }
    const int saved = errno;
    free(copy);
    errno = saved;
    return fd;
}

bool zipllm_target_is_within(int dir_fd, const char *path)
{
    struct stat wanted, st;
    bool within = false;
    int fd = open_nearest(path);
    dev_t dev = 0;
    ino_t ino = 0;
    if (fstat(dir_fd, &wanted) != 0)
        wanted.st_ino = 0;
    /* Up to the root, which is its own parent. */
    while (fd >= 0 && !within && fstat(fd, &st) == 0 && (st.st_dev != dev || st.st_ino != ino)) {
        within = st.st_dev == wanted.st_dev && st.st_ino == wanted.st_ino;
        dev = st.st_dev;
        ino = st.st_ino;
        const int parent = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        (void)close(fd);
        fd = parent;
    }
    if (fd >= 0)
        (void)close(fd);
    return within;
}

static bool is_empty(int fd)
{
    const int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = copy >= 0 ? fdopendir(copy) : NULL;
    bool empty = stream != NULL;
    for (const struct dirent *entry; empty && (entry = readdir(stream)) != NULL;)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    if (stream != NULL)
        (void)closedir(stream);
    else if (copy >= 0)
        (void)close(copy);
    return empty;
}

zipllm_status zipllm_target_open(zipllm_target *target, const char *path, bool force,
                                 zipllm_error *error)
{
    target->path = path;
    target->force = force;
    target->fd = -1;
    if (make_path(path) != 0)
        return zipllm_fail_os(error, path, errno, "cannot make directory");
    target->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (target->fd < 0)
        return zipllm_fail_os(error, path, errno, "cannot open directory");
    if (force || is_empty(target->fd))
        return ZIPLLM_OK;
    zipllm_target_close(target);
    return zipllm_fail_os(error, path, ENOTEMPTY, "will not restore here");
}

void zipllm_target_close(zipllm_target *target)
{
    if (target->fd >= 0)
        (void)close(target->fd);
    target->fd = -1;
}

zipllm_status zipllm_target_mkdir(const zipllm_target *target, const char *name,
                                  zipllm_error *error)
{
    const char *base;
    const zipllm_status status = check_name(target, name, error);
    if (status != ZIPLLM_OK)
        return status;
    const int parent = enter_parent(target->fd, name, &base);
    const int fd = parent >= 0 ? enter(parent, base) : -1;
    const int saved = errno;
    if (parent >= 0)
        (void)close(parent);
    if (fd < 0) {
        const zipllm_dir dir = {target->fd, target->path};
        return zipllm_fail_at(&dir, name, saved, "cannot make directory", error);
    }
    (void)close(fd);
    return ZIPLLM_OK;
}

/* ---- files -------------------------------------------------------------------------------------
 */

zipllm_status zipllm_target_create(const zipllm_target *target, const char *name,
                                   zipllm_target_file *file, zipllm_error *error)
{
    uint8_t random[8];
    char hex[17];
    const zipllm_dir dir = {target->fd, target->path};
    *file = (zipllm_target_file){.dir_fd = -1, .fd = -1};
    zipllm_status status = check_name(target, name, error);
    if (status != ZIPLLM_OK)
        return status;
    file->shown = zipllm_path_join(target->path, name);
    if (file->shown == NULL)
        return zipllm_fail_memory(error, strlen(name));
    if (zipllm_random(random, sizeof random) != 0) {
        status = zipllm_fail_os(error, NULL, errno, "no random numbers");
    } else {
        zipllm_hex(hex, random, sizeof random);
        (void)snprintf(file->tmp, sizeof file->tmp, ".zipllm-%s.tmp", hex);
        file->dir_fd = enter_parent(target->fd, name, &file->base);
        if (file->dir_fd >= 0)
            file->fd = open_beneath(file->dir_fd, file->tmp, O_WRONLY | O_CREAT | O_EXCL, 0666);
        if (file->fd < 0)
            status = zipllm_fail_at(&dir, name, errno, "cannot create", error);
    }
    if (status != ZIPLLM_OK)
        zipllm_target_drop(file);
    return status;
}

/* Renames without replacing; where the file system cannot, a look first has to do. */
static int rename_new(int dir_fd, const char *from, const char *to)
{
    struct stat st;
    if (renameat2(dir_fd, from, dir_fd, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (fstatat(dir_fd, to, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        errno = EEXIST;
        return -1;
    }
    return renameat(dir_fd, from, dir_fd, to);
}

zipllm_status zipllm_target_finish(const zipllm_target *target, zipllm_target_file *file,
                                   zipllm_error *error)
{
    zipllm_status status = ZIPLLM_OK;
    if (fsync(file->fd) != 0)
        status = zipllm_fail_os(error, file->shown, errno, "cannot flush to disk");
    const int closed = close(file->fd);
    file->fd = -1;
    if (status == ZIPLLM_OK && closed != 0)
        status = zipllm_fail_os(error, file->shown, errno, "cannot close");
    if (status == ZIPLLM_OK) {
        const int renamed = target->force
                                ? renameat(file->dir_fd, file->tmp, file->dir_fd, file->base)
                                : rename_new(file->dir_fd, file->tmp, file->base);
        if (renamed != 0)
            status = zipllm_fail_os(error, file->shown, errno, "cannot rename to this name");
        else
            file->tmp[0] = '\0';
    }
    if (status == ZIPLLM_OK && fsync(file->dir_fd) != 0)
        status = zipllm_fail_os(error, file->shown, errno, "cannot flush its directory to disk");
    zipllm_target_drop(file);
    return status;
}

void zipllm_target_drop(zipllm_target_file *file)
{
    if (file->fd >= 0)
        (void)close(file->fd);
    if (file->dir_fd >= 0) {
        if (file->tmp[0] != '\0')
            (void)unlinkat(file->dir_fd, file->tmp, 0);
        (void)close(file->dir_fd);
    }
    free(file->shown);
    *file = (zipllm_target_file){.dir_fd = -1, .fd = -1};
}
