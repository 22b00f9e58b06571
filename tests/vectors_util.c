#include "vectors_util.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

vector_file vector_load(const char *folder, const char *name)
{
    char path[512];
    vector_file v;
    FILE *f;
    long nbytes;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "rb");
    cr_assert(f != NULL, "%s", path);
    cr_assert(fseek(f, 0, SEEK_END) == 0);
    nbytes = ftell(f);
    rewind(f);
    v.bytes = malloc((size_t)nbytes + 1);
    cr_assert(v.bytes != NULL);
    v.nbytes = fread(v.bytes, 1, (size_t)nbytes, f);
    cr_assert(v.nbytes == (size_t)nbytes);
    fclose(f);
    return v;
}

int vector_read(void *user, uint64_t offset, void *dst, size_t nbytes)
{
    const vector_file *v = user;

    if (offset > v->nbytes || nbytes > v->nbytes - offset)
        return -1;
    memcpy(dst, v->bytes + offset, nbytes);
    return 0;
}

size_t vector_each(const char *folder, void (*visit)(const char *name))
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    size_t n = 0;

    cr_assert(dir != NULL, "%s", folder);
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        visit(entry->d_name);
        n++;
    }
    closedir(dir);
    return n;
}
