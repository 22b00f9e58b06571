#include "scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

/* ---- paths ------------------------------------------------------------------------------------
 */

bool zipllm_path_is_safe(const char *path, size_t nbytes)
{
    size_t start = 0, i;

    if (nbytes == 0 || nbytes > ZIPLLM_PATH_MAX || memchr(path, '\0', nbytes) != NULL)
        return false;
    for (i = 0; i <= nbytes; i++) {
        size_t length = i - start;
        if (i < nbytes && path[i] != '/')
            continue;
        if (length == 0 || (length == 1 && path[start] == '.') ||
            (length == 2 && path[start] == '.' && path[start + 1] == '.'))
            return false;
        start = i + 1;
    }
    return true;
}

/* "a/b", or "b" where a is empty; malloced. */
static char *join(const char *a, const char *b)
{
    size_t a_nbytes = strlen(a), b_nbytes = strlen(b);
    char *joined = malloc(a_nbytes + 1 + b_nbytes + 1);

    if (joined == NULL)
        return NULL;
    memcpy(joined, a, a_nbytes);
    if (a_nbytes > 0 && a[a_nbytes - 1] != '/')
        joined[a_nbytes++] = '/';
    memcpy(joined + a_nbytes, b, b_nbytes + 1);
    return joined;
}

char *zipllm_scan_path(const zipllm_scan *scan, const zipllm_scan_item *item)
{
    return join(scan->root, item->path);
}

/* An error about a path within the model; os_errno 0: `what` says all. */
static zipllm_status fail_at(const zipllm_scan *scan, const char *path, int os_errno,
                             const char *what, zipllm_error *error)
{
    char *full = join(scan->root, path);
    zipllm_status status;

    if (os_errno != 0)
        status = zipllm_fail_os(error, full != NULL ? full : path, os_errno, what);
    else
        status = zipllm_fail(error, ZIPLLM_ERROR, full != NULL ? full : path, ZIPLLM_NO_OFFSET, 0,
                             "%s", what);
    free(full);
    return status;
}

/*
 * Opens a path beneath root_fd, one component after another, none of which may be a symbolic link
 * but the last, and that only if last_flags lack O_NOFOLLOW. -1 and errno on failure.
 */
static int open_beneath(int root_fd, const char *path, int last_flags)
{
    char component[NAME_MAX + 1];
    int fd = root_fd, next, saved;

    for (;;) {
        size_t length = strcspn(path, "/");
        bool last = path[length] == '\0';
        if (length > NAME_MAX) {
            errno = ENAMETOOLONG;
            next = -1;
        } else {
            memcpy(component, path, length);
            component[length] = '\0';
            next = openat(fd, component,
                          (last ? last_flags : O_RDONLY | O_DIRECTORY | O_NOFOLLOW) | O_CLOEXEC);
        }
        saved = errno;
        if (fd != root_fd)
            close(fd);
        errno = saved;
        if (next < 0 || last)
            return next;
        fd = next;
        path += length + 1;
    }
}

/* ---- what may be read -------------------------------------------------------------------------
 */

/* What the walk carries. real_root and blobs are absolute, without links; blobs may be NULL. */
typedef struct walk {
    zipllm_scan *scan;
    bool follow;
    char *real_root;
    char *blobs;
    size_t cap;
    char **pending; /* directories still to be read */
    size_t npending, pending_cap;
    zipllm_error *error;
} walk;

static const char *type_name(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFIFO:
        return "is a FIFO, not a regular file";
    case S_IFSOCK:
        return "is a socket, not a regular file";
    case S_IFCHR:
        return "is a character device, not a regular file";
    case S_IFBLK:
        return "is a block device, not a regular file";
    case S_IFDIR:
        return "is a symbolic link to a directory";
    default:
        return "is not a regular file";
    }
}

/* True when `path` is `directory` or lies in it; both absolute and without links. */
static bool lies_in(const char *path, const char *directory)
{
    size_t nbytes = strlen(directory);

    if (directory[nbytes - 1] == '/')
        nbytes--; /* the root directory */
    return strncmp(path, directory, nbytes) == 0 && (path[nbytes] == '/' || path[nbytes] == '\0');
}

/* Where a link to a regular file leads, and whether it may be followed there. */
static zipllm_status check_link(const walk *w, const char *path, const struct stat *target)
{
    char *full = join(w->real_root, path);
    char *real = full != NULL ? realpath(full, NULL) : NULL;
    int saved = errno;
    struct stat st;
    zipllm_status status = ZIPLLM_OK;

    free(full);
    if (real == NULL)
        return fail_at(w->scan, path, saved, "cannot resolve symbolic link", w->error);
    if (stat(real, &st) != 0 || st.st_dev != target->st_dev || st.st_ino != target->st_ino)
        status = fail_at(w->scan, path, 0, "changed while being read", w->error);
    else if (!w->follow && !lies_in(real, w->real_root) &&
             !(w->blobs != NULL && lies_in(real, w->blobs)))
        status = fail_at(w->scan, path, 0,
                         "is a symbolic link that leaves the model directory (--follow reads it)",
                         w->error);
    free(real);
    return status;
}

/* Fills *st with what the name stands for, links followed as far as allowed. */
static zipllm_status stat_entry(const walk *w, int dir_fd, const char *name, const char *path,
                                struct stat *st, bool *link)
{
    *link = false;
    if (fstatat(dir_fd, name, st, AT_SYMLINK_NOFOLLOW) != 0)
        return fail_at(w->scan, path, errno, "cannot stat", w->error);
    if (!S_ISLNK(st->st_mode)) {
        if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
            return fail_at(w->scan, path, 0, type_name(st->st_mode), w->error);
        return ZIPLLM_OK;
    }
    *link = true;
    if (fstatat(dir_fd, name, st, 0) != 0)
        return fail_at(w->scan, path, errno,
                       errno == ENOENT ? "broken symbolic link" : "cannot follow symbolic link",
                       w->error);
    if (!S_ISREG(st->st_mode))
        return fail_at(w->scan, path, 0, type_name(st->st_mode), w->error);
    return check_link(w, path, st);
}

/* ---- the walk ---------------------------------------------------------------------------------
 */

/* Takes path over, also on failure. */
static zipllm_status add_item(walk *w, char *path, const struct stat *st, bool directory, bool link)
{
    zipllm_scan *scan = w->scan;

    if (scan->nitems == w->cap) {
        size_t cap = w->cap == 0 ? 32 : 2 * w->cap;
        zipllm_scan_item *items = realloc(scan->items, cap * sizeof *items);
        if (items == NULL) {
            free(path);
            return zipllm_fail_memory(w->error, cap * sizeof *items);
        }
        scan->items = items;
        w->cap = cap;
    }
    scan->items[scan->nitems++] = (zipllm_scan_item){
        .path = path,
        .directory = directory,
        .link = link,
        .nbytes = directory ? 0 : (uint64_t)st->st_size,
        .dev = st->st_dev,
        .ino = st->st_ino,
    };
    return ZIPLLM_OK;
}

/* Takes path over, also on failure. */
static zipllm_status add_pending(walk *w, char *path)
{
    if (w->npending == w->pending_cap) {
        size_t cap = w->pending_cap == 0 ? 16 : 2 * w->pending_cap;
        char **pending = realloc(w->pending, cap * sizeof *pending);
        if (pending == NULL) {
            free(path);
            return zipllm_fail_memory(w->error, cap * sizeof *pending);
        }
        w->pending = pending;
        w->pending_cap = cap;
    }
    w->pending[w->npending++] = path;
    return ZIPLLM_OK;
}

static zipllm_status visit_entry(walk *w, int dir_fd, const char *dir, const char *name)
{
    char *path = join(dir, name);
    zipllm_status status;
    struct stat st;
    bool link = false;

    if (path == NULL)
        return zipllm_fail_memory(w->error, strlen(dir) + strlen(name) + 2);
    if (strlen(path) > ZIPLLM_PATH_MAX)
        status =
            fail_at(w->scan, path, 0, "path within the model is longer than 4096 bytes", w->error);
    else
        status = stat_entry(w, dir_fd, name, path, &st, &link);
    if (status != ZIPLLM_OK) {
        free(path);
        return status;
    }
    if (S_ISDIR(st.st_mode))
        return add_pending(w, path);
    return add_item(w, path, &st, false, link);
}

/* dir: within the model, "" for its root. Takes it over. */
static zipllm_status visit_directory(walk *w, char *dir)
{
    int fd = open_beneath(w->scan->root_fd, dir[0] == '\0' ? "." : dir,
                          O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    zipllm_status status = ZIPLLM_OK;
    struct dirent *entry;
    bool empty = true;
    struct stat st = {0};

    if (stream == NULL) {
        status = fail_at(w->scan, dir, errno, "cannot open directory", w->error);
        if (fd >= 0)
            close(fd);
        free(dir);
        return status;
    }
    while (status == ZIPLLM_OK && (errno = 0, entry = readdir(stream)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        empty = false;
        status = visit_entry(w, fd, dir, entry->d_name);
    }
    if (status == ZIPLLM_OK && errno != 0)
        status = fail_at(w->scan, dir, errno, "cannot read directory", w->error);
    closedir(stream);
    if (status == ZIPLLM_OK && empty && dir[0] != '\0')
        return add_item(w, dir, &st, true, false);
    free(dir);
    return status;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const zipllm_scan_item *)a)->path, ((const zipllm_scan_item *)b)->path);
}

static zipllm_status walk_directory(walk *w)
{
    char *root = strdup("");
    zipllm_status status = root != NULL ? add_pending(w, root) : zipllm_fail_memory(w->error, 1);

    while (status == ZIPLLM_OK && w->npending > 0)
        status = visit_directory(w, w->pending[--w->npending]);
    if (w->scan->nitems > 1)
        qsort(w->scan->items, w->scan->nitems, sizeof *w->scan->items, by_path);
    return status;
}

/* ---- names ------------------------------------------------------------------------------------
 */

/* Splits the last component off an absolute path, in place; "" at the root. */
static const char *pop_component(char *path)
{
    char *slash = strrchr(path, '/');

    if (slash == NULL)
        return "";
    *slash = '\0';
    return slash + 1;
}

/* models--ORG--NAME -> ORG/NAME; models--NAME -> NAME. NULL when it is something else. */
static char *name_of_cache(const char *directory)
{
    static const char prefix[] = "models--";
    const char *id, *split;
    char *name;

    if (strncmp(directory, prefix, sizeof prefix - 1) != 0)
        return NULL;
    id = directory + sizeof prefix - 1;
    split = strstr(id, "--");
    name = strdup(id);
    if (name == NULL || split == NULL)
        return name;
    name[split - id] = '/';
    memmove(name + (split - id) + 1, split + 2, strlen(split + 2) + 1);
    return name;
}

/*
 * Name and revision from where the model lies: CACHE/models--ORG--NAME/snapshots/REV[/...], whose
 * files are links into CACHE/models--ORG--NAME/blobs; else the last component alone.
 */
static zipllm_status name_model(walk *w, const char *real_path)
{
    char *path = strdup(real_path), *last = strdup(strrchr(real_path, '/') + 1);
    zipllm_scan *scan = w->scan;
    char *revision;

    while (path != NULL && path[0] != '\0' && scan->revision == NULL) {
        revision = strdup(pop_component(path));
        if (revision != NULL && strlen(path) > 10 &&
            strcmp(path + strlen(path) - 10, "/snapshots") == 0) {
            (void)pop_component(path);
            scan->name = name_of_cache(strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path);
            if (scan->name != NULL) {
                scan->revision = revision;
                w->blobs = join(path, "blobs");
                break;
            }
        }
        free(revision);
    }
    free(path);
    if (scan->name == NULL)
        scan->name = last;
    else
        free(last);
    if (scan->name == NULL || (scan->revision != NULL && w->blobs == NULL))
        return zipllm_fail_memory(w->error, strlen(real_path));
    return ZIPLLM_OK;
}

/* ---- the whole --------------------------------------------------------------------------------
 */

/* Makes scan->root, scan->root_fd and w->real_root the directory of this absolute path. */
static zipllm_status open_root(walk *w, const char *shown)
{
    w->scan->root = strdup(shown);
    if (w->scan->root == NULL)
        return zipllm_fail_memory(w->error, strlen(shown));
    w->scan->root_fd =
        open(w->real_root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (w->scan->root_fd < 0)
        return zipllm_fail_os(w->error, shown, errno, "cannot open directory");
    return ZIPLLM_OK;
}

/* One file: a model of that file alone. real_root is the file's path, and becomes its directory. */
static zipllm_status scan_file(walk *w, const char *path, const struct stat *st)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash != NULL ? slash + 1 : path;
    char *shown = slash == NULL   ? strdup(".")
                  : slash == path ? strdup("/")
                                  : strndup(path, (size_t)(slash - path));
    char *item = strdup(base);
    char *dir_real = shown != NULL ? realpath(shown, NULL) : NULL;
    int saved = errno;
    zipllm_status status;
    struct stat self;

    if (shown == NULL || item == NULL || dir_real == NULL) {
        free(shown);
        free(item);
        free(dir_real);
        return zipllm_fail_os(w->error, path, saved, "cannot resolve");
    }
    free(w->real_root);
    w->real_root = dir_real;
    status = open_root(w, shown);
    free(shown);
    if (status == ZIPLLM_OK && fstatat(w->scan->root_fd, item, &self, AT_SYMLINK_NOFOLLOW) != 0)
        status = zipllm_fail_os(w->error, path, errno, "cannot stat");
    if (status != ZIPLLM_OK) {
        free(item);
        return status;
    }
    return add_item(w, item, st, false, S_ISLNK(self.st_mode));
}

static zipllm_status scan(walk *w, const char *path)
{
    zipllm_status status;
    struct stat st;

    if (stat(path, &st) != 0)
        return zipllm_fail_os(w->error, path, errno, "cannot stat");
    if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
        return zipllm_fail(w->error, ZIPLLM_ERROR, path, ZIPLLM_NO_OFFSET, 0, "%s",
                           type_name(st.st_mode));
    w->real_root = realpath(path, NULL);
    if (w->real_root == NULL)
        return zipllm_fail_os(w->error, path, errno, "cannot resolve");
    if (S_ISREG(st.st_mode)) {
        status = scan_file(w, path, &st);
        return status != ZIPLLM_OK ? status : name_model(w, w->real_root);
    }
    status = open_root(w, path);
    if (status == ZIPLLM_OK)
        status = name_model(w, w->real_root);
    return status == ZIPLLM_OK ? walk_directory(w) : status;
}

zipllm_status zipllm_scan_open(const char *path, bool follow, zipllm_scan *out, zipllm_error *error)
{
    walk w = {.scan = out, .follow = follow, .error = error};
    zipllm_status status;

    memset(out, 0, sizeof *out);
    out->root_fd = -1;
    status = scan(&w, path);
    while (w.npending > 0)
        free(w.pending[--w.npending]);
    free(w.pending);
    free(w.real_root);
    free(w.blobs);
    if (status != ZIPLLM_OK)
        zipllm_scan_close(out);
    return status;
}

void zipllm_scan_close(zipllm_scan *scan)
{
    size_t i;

    for (i = 0; i < scan->nitems; i++)
        free(scan->items[i].path);
    free(scan->items);
    free(scan->root);
    free(scan->name);
    free(scan->revision);
    if (scan->root_fd >= 0)
        close(scan->root_fd);
    memset(scan, 0, sizeof *scan);
    scan->root_fd = -1;
}

zipllm_status zipllm_scan_open_file(const zipllm_scan *scan, const zipllm_scan_item *item, int *fd,
                                    zipllm_error *error)
{
    int opened = open_beneath(scan->root_fd, item->path,
                              O_RDONLY | O_NONBLOCK | O_NOCTTY | (item->link ? 0 : O_NOFOLLOW));
    struct stat st;
    zipllm_status status = ZIPLLM_OK;

    if (opened < 0)
        return fail_at(scan, item->path, errno, "cannot open", error);
    if (fstat(opened, &st) != 0)
        status = fail_at(scan, item->path, errno, "cannot stat", error);
    else if (!S_ISREG(st.st_mode) || st.st_dev != item->dev || st.st_ino != item->ino ||
             (uint64_t)st.st_size != item->nbytes)
        status = fail_at(scan, item->path, 0, "changed while being read", error);
    if (status != ZIPLLM_OK) {
        close(opened);
        return status;
    }
    *fd = opened;
    return ZIPLLM_OK;
}

const zipllm_scan_item *zipllm_scan_find(const zipllm_scan *scan, const char *path)
{
    size_t low = 0, high = scan->nitems;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(scan->items[middle].path, path);
        if (order == 0)
            return &scan->items[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* ---- Git LFS ----------------------------------------------------------------------------------
 */

/* Passes over a literal. */
static bool take(const char **p, const char *end, const char *literal)
{
    size_t nbytes = strlen(literal);

    if ((size_t)(end - *p) < nbytes || memcmp(*p, literal, nbytes) != 0)
        return false;
    *p += nbytes;
    return true;
}

bool zipllm_is_lfs_pointer(const void *bytes, size_t nbytes, uint64_t *size)
{
    const char *p = bytes, *end = p + nbytes;
    uint64_t value = 0;
    unsigned digits;

    if (nbytes >= ZIPLLM_LFS_MAX ||
        !take(&p, end, "version https://git-lfs.github.com/spec/v1\n") ||
        !take(&p, end, "oid sha256:"))
        return false;
    for (digits = 0; digits < 64 && p < end && strchr("0123456789abcdef", *p) != NULL && *p != '\0';
         digits++)
        p++;
    if (digits != 64 || !take(&p, end, "\nsize "))
        return false;
    for (digits = 0; digits < 19 && p < end && *p >= '0' && *p <= '9'; digits++)
        value = value * 10 + (uint64_t)(*p++ - '0');
    if (digits == 0 || !take(&p, end, "\n"))
        return false;
    *size = value;
    return true;
}
