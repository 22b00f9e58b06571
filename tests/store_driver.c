/*
 * The verbs of the store for shell scripts that kill it, fail its system calls and fill its disk.
 * No Criterion and one thread, so that the system calls of a run are always the same.
 *
 *     store_driver STORE init | add PATH NAME | get NAME TARGET | ls | stat | verify | rm NAME | gc
 * | repair
 */
#include <stdio.h>
#include <string.h>

#include "zipllm.h"

static void print_model(void *user, const zipllm_model *model)
{
    (void)user;
    (void)printf("%s@%s %llu\n", model->name, model->revision,
                 (unsigned long long)model->logical_bytes);
}

static void print_damage(void *user, const zipllm_damage *damage)
{
    (void)user;
    (void)printf("damaged: %s: %s: %s: %s: %s\n", damage->model, damage->file, damage->tensor,
                 damage->path, damage->reason);
}

static zipllm_status add(zipllm_store *store, char **args, zipllm_error *error)
{
    zipllm_add_options options = ZIPLLM_ADD_OPTIONS_INIT;
    options.name = args[1];
    return zipllm_add(store, args[0], &options, NULL, error);
}

static zipllm_status get(zipllm_store *store, char **args, zipllm_error *error)
{
    zipllm_get_options options = ZIPLLM_GET_OPTIONS_INIT;
    options.name = args[0];
    options.target = args[1];
    options.sha256 = true;
    return zipllm_get(store, &options, NULL, error);
}

/* Everything but the disk's bytes that later verbs may change on the way. */
static zipllm_status stat(zipllm_store *store, zipllm_error *error)
{
    zipllm_stat_result r;
    const zipllm_status status = zipllm_stat(store, &r, error);
    if (status == ZIPLLM_OK)
        (void)printf("models %llu tensors %llu unique %llu logical %llu packs %llu bytes %llu "
                     "manifests %llu tmp %llu index %llu\n",
                     (unsigned long long)r.models, (unsigned long long)r.tensors,
                     (unsigned long long)r.tensors_unique, (unsigned long long)r.logical_bytes,
                     (unsigned long long)r.packs, (unsigned long long)r.pack_bytes,
                     (unsigned long long)r.manifest_bytes, (unsigned long long)r.tmp_bytes,
                     (unsigned long long)r.index_bytes);
    return status;
}

static zipllm_status verify(zipllm_store *store, zipllm_error *error)
{
    zipllm_verify_options options = ZIPLLM_VERIFY_OPTIONS_INIT;
    options.damage = print_damage;
    return zipllm_verify(store, &options, NULL, error);
}

static zipllm_status repair(const char *path, const zipllm_options *options, zipllm_error *error)
{
    zipllm_repair_options how = ZIPLLM_REPAIR_OPTIONS_INIT;
    how.damage = print_damage;
    return zipllm_repair(path, &how, options, NULL, error);
}

static zipllm_status run(zipllm_store *store, int nargs, const char *verb, char **args,
                         zipllm_error *error)
{
    if (strcmp(verb, "add") == 0 && nargs == 2)
        return add(store, args, error);
    if (strcmp(verb, "get") == 0 && nargs == 2)
        return get(store, args, error);
    if (strcmp(verb, "ls") == 0)
        return zipllm_ls(store, print_model, NULL, error);
    if (strcmp(verb, "stat") == 0)
        return stat(store, error);
    if (strcmp(verb, "verify") == 0)
        return verify(store, error);
    if (strcmp(verb, "rm") == 0 && nargs == 1)
        return zipllm_rm(store, args[0], error);
    if (strcmp(verb, "gc") == 0)
        return zipllm_gc(store, false, NULL, error);
    (void)snprintf(error->message, sizeof error->message, "unknown verb %s", verb);
    return ZIPLLM_USAGE;
}

int main(int argc, char **argv)
{
    zipllm_error error = {.os_errno = 0};
    zipllm_store *store = NULL;
    zipllm_options options = ZIPLLM_OPTIONS_INIT;
    options.memory_nbytes = ZIPLLM_MEMORY_MIN;
    if (argc < 3)
        return ZIPLLM_USAGE;
    zipllm_status status;
    if (strcmp(argv[2], "init") == 0) {
        status = zipllm_init(argv[1], &error);
    } else if (strcmp(argv[2], "repair") == 0) {
        status = repair(argv[1], &options, &error);
    } else {
        status = zipllm_open(argv[1], strcmp(argv[2], "gc") == 0 ? ZIPLLM_EXCLUSIVE : ZIPLLM_SHARED,
                             &options, &store, &error);
        if (status == ZIPLLM_OK)
            status = run(store, argc - 3, argv[2], argv + 3, &error);
        zipllm_close(store);
    }
    if (status != ZIPLLM_OK)
        (void)fprintf(stderr, "%s\n", error.message);
    return (int)status;
}
