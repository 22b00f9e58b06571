/* The store end to end: what goes in comes out, what is equal is stored once, damage is found. */
#include "store_util.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static char folder[64], store_path[96];

static void setup(void)
{
    zipllm_error error;
    (void)snprintf(folder, sizeof folder, "%s", test_folder());
    (void)snprintf(store_path, sizeof store_path, "%s/store", folder);
    cr_assert_eq(zipllm_init(store_path, &error), ZIPLLM_OK, "%s", error.message);
}

static void teardown(void)
{
    test_remove(folder);
}

TestSuite(store, .init = setup, .fini = teardown);

static const char *at(const char *name)
{
    return test_path(folder, name);
}

/* A model with matrices of odd and even sizes, one of several blocks, and files of every kind. */
static void make_base(const char *path, unsigned seed)
{
    static unsigned char big[5 << 19], odd[3001], one[2];
    test_weights(big, sizeof big, seed);
    test_weights(odd, sizeof odd, seed + 1);
    test_weights(one, sizeof one, seed + 2);
    const test_tensor tensors[] = {{"model.embed", "BF16", "[1280,1024]", big, sizeof big},
                                   {"model.odd", "U8", "[3001]", odd, sizeof odd},
                                   {"model.one", "BF16", "[]", one, sizeof one},
                                   {"model.none", "F32", "[0,7]", one, 0}};
    test_mkdir(path);
    test_write_safetensors(test_path(path, "model.safetensors"), tensors, 4);
    test_write(test_path(path, "config.json"), "{}\n", 3);
    test_write(test_path(path, "empty"), "", 0);
    test_mkdir(test_path(path, "nothing here"));
    test_mkdir(test_path(path, "sub"));
    test_write(test_path(path, "sub/\xff\n\" \\ name"), big, 100000);
}

/* A fine-tune of it: the matrix changed and with 16 more rows, the rest the same. */
static void make_tuned(const char *path, unsigned seed)
{
    static unsigned char big[(5 << 19) + 16 * 2048], odd[3001], one[2];
    test_weights(big, 5 << 19, seed);
    test_tune(big, 5 << 19, seed);
    test_weights(big + (5 << 19), 16 * 2048, seed + 9);
    test_weights(odd, sizeof odd, seed + 1);
    test_weights(one, sizeof one, seed + 2);
    const test_tensor tensors[] = {{"model.embed", "BF16", "[1296,1024]", big, sizeof big},
                                   {"model.odd", "U8", "[3001]", odd, sizeof odd},
                                   {"model.one", "BF16", "[]", one, sizeof one}};
    test_mkdir(path);
    test_write_safetensors(test_path(path, "model.safetensors"), tensors, 3);
    const char *card = "---\nbase_model: org/base\n---\n# tuned\n";
    test_write(test_path(path, "README.md"), card, strlen(card));
}

Test(store, every_file_comes_back)
{
    make_base(at("base"), 1);
    make_tuned(at("tuned"), 1);
    zipllm_store *store = test_open(store_path, ZIPLLM_SHARED);
    zipllm_add_result r = test_add(store, at("base"), "org/base", NULL);
    cr_assert_eq(r.files, 4);
    cr_assert_eq(r.tensors, 4);
    cr_assert_eq(r.tensors_whole, 4);
    r = test_add(store, at("tuned"), "org/tuned", NULL);
    cr_assert_str_eq(r.base, "org/base");
    cr_assert_eq(r.found, ZIPLLM_FOUND_CARD);
    cr_assert_eq(r.tensors_delta, 1);
    cr_assert_eq(r.tensors_deduplicated, 2);
    cr_assert_lt(r.stored_bytes, r.logical_bytes / 2);
    test_get(store, "org/base", at("a/b/base"));
    test_get(store, "org/tuned", at("tuned2"));
    cr_assert(test_same(at("base"), at("a/b/base")));
    cr_assert(test_same(at("tuned"), at("tuned2")));
    zipllm_close(store);
}

/* 300 files and tensors of every small size, so that windows end everywhere. */
Test(store, many_small_tensors)
{
    static unsigned char bytes[300 * 300];
    static char names[300][32], shapes[300][16];
    static test_tensor tensors[300];
    test_weights(bytes, sizeof bytes, 5);
    for (unsigned i = 0; i < 300; i++) {
        (void)snprintf(names[i], sizeof names[i], "t.%u", i);
        (void)snprintf(shapes[i], sizeof shapes[i], "[%u]", i);
        tensors[i] = (test_tensor){names[i], "U8", shapes[i], bytes + 300 * i, i};
    }
    test_mkdir(at("m"));
    test_write_safetensors(at("m/model.safetensors"), tensors, 300);
    for (unsigned i = 0; i < 300; i++)
        test_write(test_path(at("m"), names[i]), bytes + 300 * i, i);
    zipllm_store *store = test_open(store_path, ZIPLLM_SHARED);
    zipllm_add_result r = test_add(store, at("m"), "m", NULL);
    /* The files hold the same bytes as the tensors. */
    cr_assert_eq(r.tensors, 300);
    test_get(store, "m", at("out"));
    cr_assert(test_same(at("m"), at("out")));
    zipllm_close(store);
}

Test(store, equal_tensors_are_stored_once)
{
    static unsigned char bytes[1 << 20];
    test_weights(bytes, sizeof bytes, 3);
    const test_tensor twice[] = {{"a", "BF16", "[512,1024]", bytes, sizeof bytes},
                                 {"b", "BF16", "[512,1024]", bytes, sizeof bytes}};
    test_mkdir(at("m"));
    test_write_safetensors(at("m/1.safetensors"), twice, 2);
    test_write_safetensors(at("m/2.safetensors"), twice, 1);
    zipllm_store *store = test_open(store_path, ZIPLLM_SHARED);
    zipllm_add_result r = test_add(store, at("m"), "m", NULL);
    cr_assert_eq(r.tensors_whole, 1);
    cr_assert_eq(r.tensors_deduplicated, 2);
    cr_assert_lt(r.stored_bytes, sizeof bytes + 8192);
    r = test_add(store, at("m"), "again", NULL);
    cr_assert_eq(r.tensors_deduplicated, 3);
    cr_assert_lt(r.stored_bytes, 4096);
    r = test_add(store, at("m"), "m", NULL);
    cr_assert(r.already_stored);
    test_get(store, "again", at("out"));
    cr_assert(test_same(at("m"), at("out")));
    zipllm_close(store);
}

static uint64_t store_seed(void)
{
    size_t nbytes;
    unsigned char *text = test_read(test_path(store_path, "zipllm.json"), &nbytes);
    text[nbytes] = '\0';
    const char *at_seed = strstr((const char *)text, "\"hash_seed\": \"");
    cr_assert_not_null(at_seed);
    const uint64_t seed = strtoull(at_seed + 14, NULL, 16);
    free(text);
    return seed;
}

/*
 * Two buffers of equal XXH3, whatever the seed: where the low half of a lane equals the secret's,
 * the product is 0 for any high half, and only the sum of the lane over the stripes of one block
 * (1024 bytes) counts.
 */
static void make_collision(unsigned char *a, unsigned char *b, size_t nbytes, uint64_t seed)
{
    unsigned char secret[XXH_SECRET_DEFAULT_SIZE];
    XXH3_generateSecret_fromSeed(secret, seed);
    test_weights(a, nbytes, 11);
    memcpy(a, secret, 4);          /* lane 0 of stripe 0: secret + 0 */
    memcpy(a + 64, secret + 8, 4); /* lane 0 of stripe 1: secret + 8 */
    memcpy(b, a, nbytes);
    uint32_t high;
    memcpy(&high, a + 4, 4);
    high += 12345;
    memcpy(b + 4, &high, 4);
    memcpy(&high, a + 68, 4);
    high -= 12345;
    memcpy(b + 68, &high, 4);
}

Test(store, equal_hash_and_other_bytes_are_two_tensors)
{
    static unsigned char a[1 << 17], b[1 << 17];
    const uint64_t seed = store_seed();
    make_collision(a, b, sizeof a, seed);
    const XXH128_hash_t x = XXH3_128bits_withSeed(a, sizeof a, seed);
    const XXH128_hash_t y = XXH3_128bits_withSeed(b, sizeof b, seed);
    cr_assert(XXH128_isEqual(x, y), "the collision is none");
    cr_assert_neq(memcmp(a, b, sizeof a), 0);
    const test_tensor first[] = {{"a", "U8", "[131072]", a, sizeof a}};
    const test_tensor both[] = {{"b", "U8", "[131072]", b, sizeof b},
                                {"a", "U8", "[131072]", a, sizeof a},
                                {"c", "U8", "[131072]", b, sizeof b}};
    test_mkdir(at("one"));
    test_mkdir(at("two"));
    test_write_safetensors(at("one/m.safetensors"), first, 1);
    test_write_safetensors(at("two/m.safetensors"), both, 3);
    zipllm_store *store = test_open(store_path, ZIPLLM_SHARED);
    (void)test_add(store, at("one"), "one", NULL);
    zipllm_add_result r = test_add(store, at("two"), "two", NULL);
    cr_assert_eq(r.tensors_whole, 1);
    cr_assert_eq(r.tensors_deduplicated, 2);
    /* and within one add */
    zipllm_error error;
    cr_assert_eq(zipllm_rm(store, "one", &error), ZIPLLM_OK, "%s", error.message);
    test_get(store, "two", at("out2"));
    cr_assert(test_same(at("two"), at("out2")));
    zipllm_close(store);
}

Test(store, equal_hash_and_other_bytes_within_one_model)
{
    static unsigned char a[1 << 17], b[1 << 17];
    make_collision(a, b, sizeof a, store_seed());
    const test_tensor all[] = {{"a", "U8", "[131072]", a, sizeof a},
                               {"b", "U8", "[131072]", b, sizeof b},
                               {"c", "U8", "[131072]", a, sizeof a},
                               {"d", "U8", "[131072]", b, sizeof b}};
    test_mkdir(at("m"));
    test_write_safetensors(at("m/m.safetensors"), all, 4);
    zipllm_store *store = test_open(store_path, ZIPLLM_SHARED);
    zipllm_add_result r = test_add(store, at("m"), "m", NULL);
    cr_assert_eq(r.tensors_whole, 2);
    cr_assert_eq(r.tensors_deduplicated, 2);
    test_get(store, "m", at("out"));
    cr_assert(test_same(at("m"), at("out")));
    zipllm_close(store);
}

/* ---- repair ------------------------------------------------------------------------------------
 */

static zipllm_status repair(zipllm_repair_result *result)
{
    zipllm_error error;
    const zipllm_status status = zipllm_repair(store_path, NULL, NULL, result, &error);
    cr_assert(status == ZIPLLM_OK || status == ZIPLLM_DAMAGED, "%s", error.message);
    return status;
}

static void unlink_index(void)
{
    cr_assert_eq(unlink(test_path(store_path, "index.sqlite")), 0);
}

Test(store, repair_keeps_equal_hash_and_other_bytes_apart)
{
    static unsigned char a[1 << 17], b[1 << 17];
    make_collision(a, b, sizeof a, store_seed());
    const test_tensor all[] = {{"a", "U8", "[131072]", a, sizeof a},
                               {"b", "U8", "[131072]", b, sizeof b},
                               {"c", "U8", "[131072]", a, sizeof a},
                               {"d", "U8", "[131072]", b, sizeof b}};
    test_mkdir(at("m"));
    test_write_safetensors(at("m/m.safetensors"), all, 4);
    zipllm_store *store = test_open(store_path, ZIPLLM_SHARED);
    (void)test_add(store, at("m"), "m", NULL);
    zipllm_close(store);
    unlink_index();
    zipllm_repair_result r;
    cr_assert_eq(repair(&r), ZIPLLM_OK);
    cr_assert_eq(r.tensors, 3); /* and the header */
    store = test_open(store_path, ZIPLLM_SHARED);
    zipllm_error error;
    cr_assert_eq(zipllm_verify(store, NULL, NULL, &error), ZIPLLM_OK, "%s", error.message);
    test_get(store, "m", at("out"));
    cr_assert(test_same(at("m"), at("out")));
    zipllm_close(store);
}

/* The packs of an add that was killed are under the same name as those of a later one, and hold
   other bytes: neither is taken for the other. */
Test(store, repair_takes_neither_of_two_frames_of_one_name)
{
    static unsigned char a[1 << 17], b[1 << 17];
    char command[512];
    zipllm_repair_result r;
    zipllm_error error;
    make_collision(a, b, sizeof a, store_seed());
    const test_tensor one[] = {{"a", "U8", "[131072]", a, sizeof a}};
    const test_tensor two[] = {{"b", "U8", "[131072]", b, sizeof b}};
    test_mkdir(at("one"));
    test_mkdir(at("two"));
    test_write_safetensors(at("one/m.safetensors"), one, 1);
    test_write_safetensors(at("two/m.safetensors"), two, 1);
    test_write(at("two/other"), a, 1000);
    (void)snprintf(command, sizeof command, "cp -r %s %s.killed", store_path, store_path);
    cr_assert_eq(system(command), 0);
    zipllm_store *store = test_open(at("store.killed"), ZIPLLM_SHARED);
    (void)test_add(store, at("one"), "one", NULL);
    zipllm_close(store);
    store = test_open(store_path, ZIPLLM_SHARED);
    (void)test_add(store, at("two"), "two", NULL);
    zipllm_close(store);
    (void)snprintf(command, sizeof command, "cp -r %s.killed/packs %s", store_path, store_path);
    cr_assert_eq(system(command), 0);
    unlink_index();
    cr_assert_eq(repair(&r), ZIPLLM_DAMAGED);
    cr_assert_eq(r.models, 1);
    cr_assert_eq(r.models_damaged, 1);
    store = test_open(store_path, ZIPLLM_SHARED);
    zipllm_get_options options = ZIPLLM_GET_OPTIONS_INIT;
    options.name = "two";
    options.target = at("out");
    cr_assert_eq(zipllm_get(store, &options, NULL, &error), ZIPLLM_DAMAGED);
    /* Added once more, it is whole. */
    (void)test_add(store, at("two"), "again", NULL);
    test_get(store, "two", at("out2"));
    cr_assert(test_same(at("two"), at("out2")));
    zipllm_close(store);
}

static bool take_nothing(void *user, const void *bytes, size_t nbytes)
{
    (void)user;
    (void)bytes;
    (void)nbytes;
    return true;
}

/* The first of two tensors of equal hash is lost: a model that has it does not get the other. */
Test(store, repair_does_not_take_another_ordinal)
{
    static unsigned char a[1 << 17], b[1 << 17];
    char command[512];
    zipllm_repair_result r;
    zipllm_error error;
    make_collision(a, b, sizeof a, store_seed());
    const test_tensor one[] = {{"a", "U8", "[131072]", a, sizeof a}};
    const test_tensor two[] = {{"b", "U8", "[131072]", b, sizeof b}};
    test_mkdir(at("one"));
    test_mkdir(at("two"));
    test_write_safetensors(at("one/m.safetensors"), one, 1);
    test_write_safetensors(at("two/m.safetensors"), two, 1);
    zipllm_store *store = test_open(store_path, ZIPLLM_SHARED);
    (void)test_add(store, at("one"), "one", NULL);
    (void)snprintf(command, sizeof command, "cd %s && find packs -type f >../lost", store_path);
    cr_assert_eq(system(command), 0);
    (void)test_add(store, at("two"), "two", NULL);
    zipllm_close(store);
    (void)snprintf(command, sizeof command, "cd %s && rm $(cat ../lost) index.sqlite", store_path);
    cr_assert_eq(system(command), 0);
    cr_assert_eq(repair(&r), ZIPLLM_DAMAGED);
    cr_assert_eq(r.models_damaged, 1);
    store = test_open(store_path, ZIPLLM_SHARED);
    test_get(store, "two", at("out"));
    cr_assert(test_same(at("two"), at("out")));
    zipllm_cat_options options = ZIPLLM_CAT_OPTIONS_INIT;
    uint64_t nbytes;
    options.name = "one";
    options.file = "m.safetensors";
    options.tensor = "a";
    options.write = take_nothing;
    cr_assert_eq(zipllm_cat(store, &options, &nbytes, &error), ZIPLLM_DAMAGED);
    zipllm_close(store);
}

Test(store, repair_needs_the_store_for_itself)
{
    zipllm_error error;
    zipllm_store *store = test_open(store_path, ZIPLLM_SHARED);
    cr_assert_eq(zipllm_repair(store_path, NULL, NULL, NULL, &error), ZIPLLM_LOCKED);
    zipllm_close(store);
    cr_assert_eq(zipllm_repair(store_path, NULL, NULL, NULL, &error), ZIPLLM_OK, "%s",
                 error.message);
    cr_assert_eq(zipllm_repair(folder, NULL, NULL, NULL, &error), ZIPLLM_ERROR);
}

/* ---- removal ----------------------------------------------------------------------------------
 */

static void collect(uint64_t *disk_bytes)
{
    zipllm_error error;
    zipllm_gc_result gc, dry;
    zipllm_stat_result stat;
    zipllm_store *store = test_open(store_path, ZIPLLM_EXCLUSIVE);
    cr_assert_eq(zipllm_gc(store, true, &dry, &error), ZIPLLM_OK, "%s", error.message);
    cr_assert_eq(zipllm_gc(store, false, &gc, &error), ZIPLLM_OK, "%s", error.message);
    cr_assert_eq(gc.tensors_removed, dry.tensors_removed);
    cr_assert_eq(zipllm_stat(store, &stat, &error), ZIPLLM_OK);
    cr_assert_eq(stat.dead_bytes, 0);
    cr_assert_eq(stat.tmp_bytes, 0);
    *disk_bytes = stat.disk_bytes;
    zipllm_close(store);
}

Test(store, removing_a_base_leaves_its_fine_tune)
{
    zipllm_error error;
    uint64_t before, after;
    make_base(at("base"), 1);
    make_tuned(at("tuned"), 1);
    zipllm_store *store = test_open(store_path, ZIPLLM_SHARED);
    (void)test_add(store, at("base"), "org/base", NULL);
    (void)test_add(store, at("tuned"), "org/tuned", NULL);
    zipllm_close(store);
    collect(&before);
    store = test_open(store_path, ZIPLLM_SHARED);
    cr_assert_eq(zipllm_rm(store, "org/base", &error), ZIPLLM_OK, "%s", error.message);
    cr_assert_neq(zipllm_rm(store, "org/base", &error), ZIPLLM_OK);
    zipllm_close(store);
    collect(&after);
    cr_assert_lt(after, before); /* the blob of 100000 bytes, at least */
    store = test_open(store_path, ZIPLLM_SHARED);
    test_get(store, "org/tuned", at("out"));
    cr_assert(test_same(at("tuned"), at("out")));
    cr_assert_eq(zipllm_verify(store, NULL, NULL, &error), ZIPLLM_OK, "%s", error.message);
    cr_assert_eq(zipllm_rm(store, "org/tuned", &error), ZIPLLM_OK);
    zipllm_close(store);
    collect(&after);
    cr_assert_lt(after, 200000);
}

/* ---- damage -----------------------------------------------------------------------------------
 */

typedef struct damages {
    unsigned n, named;
} damages;

static void count_damage(void *user, const zipllm_damage *damage)
{
    damages *d = user;
    d->n++;
    d->named += *damage->model != '\0' && *damage->path != '\0' && *damage->reason != '\0';
}

/* The path of the index-th pack, found through show. */
typedef struct pack_list {
    char paths[8][128];
    unsigned n;
} pack_list;

static void take_pack(void *user, const zipllm_tensor *tensor)
{
    pack_list *list = user;
    for (unsigned i = 0; i < list->n; i++)
        if (strcmp(list->paths[i], tensor->pack) == 0)
            return;
    if (*tensor->pack != '\0' && list->n < 8)
        (void)snprintf(list->paths[list->n++], sizeof list->paths[0], "%s", tensor->pack);
}

static void flip(const char *path, off_t offset, int bit)
{
    unsigned char byte;
    const int fd = open(path, O_RDWR);
    cr_assert_geq(fd, 0);
    cr_assert_eq(pread(fd, &byte, 1, offset), 1);
    byte ^= (unsigned char)(1 << bit);
    cr_assert_eq(pwrite(fd, &byte, 1, offset), 1);
    (void)close(fd);
}

/* Does get refuse one of the models, leaving no file under its name that differs? */
static bool refused(zipllm_store *store, const char *name, const char *original)
{
    zipllm_error error;
    struct stat st;
    zipllm_get_options options = ZIPLLM_GET_OPTIONS_INIT;
    options.name = name;
    options.target = at("damaged");
    const zipllm_status status = zipllm_get(store, &options, NULL, &error);
    if (status == ZIPLLM_OK) {
        cr_assert(test_same(original, options.target));
    } else {
        cr_assert_eq(status, ZIPLLM_DAMAGED, "%s", error.message);
        cr_assert_not_null(strstr(error.message, name), "the model is named: %s", error.message);
        cr_assert(stat(at("damaged/model.safetensors"), &st) != 0 ||
                  strstr(error.message, "model.safetensors") == NULL);
    }
    test_remove(options.target);
    return status != ZIPLLM_OK;
}

/* One flipped bit anywhere in a pack: in headers, payloads, footers. */
Test(store, every_flipped_bit_is_found_and_refused)
{
    zipllm_error error;
    unsigned long long state = 1;
    make_base(at("base"), 1);
    make_tuned(at("tuned"), 1);
    zipllm_store *store = test_open(store_path, ZIPLLM_SHARED);
    (void)test_add(store, at("base"), "org/base", NULL);
    (void)test_add(store, at("tuned"), "org/tuned", NULL);
    pack_list packs = {.n = 0};
    zipllm_show_options show = ZIPLLM_SHOW_OPTIONS_INIT;
    show.name = "org/tuned";
    show.tensor = take_pack;
    show.user = &packs;
    cr_assert_eq(zipllm_show(store, &show, NULL, &error), ZIPLLM_OK);
    zipllm_close(store);
    cr_assert_eq(packs.n, 2);

    for (unsigned i = 0; i < 100; i++) {
        struct stat st;
        const char *path = test_path(store_path, packs.paths[i % 2]);
        char pack[256];
        (void)snprintf(pack, sizeof pack, "%s", path);
        cr_assert_eq(stat(pack, &st), 0);
        state = state * 6364136223846793005ull + 1442695040888963407ull;
        /* Ends are short: make sure that they are hit. */
        off_t offset = (off_t)((state >> 20) % (unsigned long long)st.st_size);
        if (i < 10)
            offset = (off_t)(i * 6);
        else if (i < 30)
            offset = st.st_size - 1 - (off_t)((i - 10) * 9);
        flip(pack, offset, (int)(i % 8));
        store = test_open(store_path, ZIPLLM_SHARED);
        damages found = {0, 0};
        zipllm_verify_options options = ZIPLLM_VERIFY_OPTIONS_INIT;
        options.damage = count_damage;
        options.user = &found;
        cr_assert_eq(zipllm_verify(store, &options, NULL, &error), ZIPLLM_DAMAGED,
                     "bit %u of byte %lld of %lld", i % 8, (long long)offset,
                     (long long)st.st_size);
        cr_assert_gt(found.n, 0);
        cr_assert_eq(found.named, found.n);
        bool any = refused(store, "org/base", at("base"));
        any = refused(store, "org/tuned", at("tuned")) || any;
        cr_assert(any, "bit %u of byte %lld restored", i % 8, (long long)offset);
        zipllm_close(store);
        flip(pack, offset, (int)(i % 8));
    }
    store = test_open(store_path, ZIPLLM_SHARED);
    cr_assert_eq(zipllm_verify(store, NULL, NULL, &error), ZIPLLM_OK, "%s", error.message);
    zipllm_close(store);
}

/* A pack cut short, swapped or missing; a manifest changed or missing. */
Test(store, other_damage_is_found)
{
    zipllm_error error;
    make_base(at("base"), 1);
    zipllm_store *store = test_open(store_path, ZIPLLM_SHARED);
    (void)test_add(store, at("base"), "org/base", NULL);
    pack_list packs = {.n = 0};
    zipllm_show_options show = ZIPLLM_SHOW_OPTIONS_INIT;
    show.name = "org/base";
    show.tensor = take_pack;
    show.user = &packs;
    cr_assert_eq(zipllm_show(store, &show, NULL, &error), ZIPLLM_OK);
    zipllm_close(store);
    char pack[256];
    size_t nbytes;
    (void)snprintf(pack, sizeof pack, "%s/%s", store_path, packs.paths[0]);
    unsigned char *bytes = test_read(pack, &nbytes);
    const size_t lengths[] = {0, 63, 64, nbytes / 2, nbytes - 1};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        test_write(pack, bytes, lengths[i]);
        store = test_open(store_path, ZIPLLM_SHARED);
        cr_assert_eq(zipllm_verify(store, NULL, NULL, &error), ZIPLLM_DAMAGED);
        cr_assert(refused(store, "org/base", at("base")));
        zipllm_close(store);
    }
    cr_assert_eq(unlink(pack), 0);
    store = test_open(store_path, ZIPLLM_SHARED);
    cr_assert_eq(zipllm_verify(store, NULL, NULL, &error), ZIPLLM_DAMAGED);
    cr_assert(refused(store, "org/base", at("base")));
    zipllm_close(store);
    test_write(pack, bytes, nbytes);
    free(bytes);
    store = test_open(store_path, ZIPLLM_SHARED);
    cr_assert_eq(zipllm_verify(store, NULL, NULL, &error), ZIPLLM_OK, "%s", error.message);
    zipllm_close(store);
}

/* ---- refusals ---------------------------------------------------------------------------------
 */

Test(store, what_is_not_a_model_is_refused_and_changes_nothing)
{
    zipllm_error error;
    zipllm_stat_result before, after;
    make_base(at("base"), 1);
    make_base(at("other"), 2);
    cr_assert_eq(mkfifo(at("other/fifo"), 0666), 0);
    zipllm_store *store = test_open(store_path, ZIPLLM_SHARED);
    (void)test_add(store, at("base"), "org/base", NULL);
    cr_assert_eq(zipllm_stat(store, &before, &error), ZIPLLM_OK);

    zipllm_add_options options = ZIPLLM_ADD_OPTIONS_INIT;
    options.name = "x";
    cr_assert_eq(zipllm_add(store, at("other"), &options, NULL, &error), ZIPLLM_ERROR);
    cr_assert_not_null(strstr(error.message, "fifo"), "%s", error.message);
    cr_assert_eq(zipllm_add(store, at("missing"), &options, NULL, &error), ZIPLLM_ERROR);
    cr_assert_not_null(strstr(error.message, "missing"), "%s", error.message);
    cr_assert_eq(unlink(at("other/fifo")), 0);
    options.name = "org/base"; /* taken by other bytes */
    cr_assert_eq(zipllm_add(store, at("other"), &options, NULL, &error), ZIPLLM_ERROR);
    options.name = "x";
    options.base = "not/there";
    cr_assert_eq(zipllm_add(store, at("other"), &options, NULL, &error), ZIPLLM_ERROR);
    options.base = NULL;
    static const char *const names[] = {"", "../x", "/x", "a//b", "a@", "a@b@c", "a/.."};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        options.name = names[i];
        cr_assert_eq(zipllm_add(store, at("other"), &options, NULL, &error), ZIPLLM_USAGE, "'%s'",
                     names[i]);
    }
    cr_assert_eq(zipllm_stat(store, &after, &error), ZIPLLM_OK);
    cr_assert_eq(memcmp(&before, &after, sizeof before), 0);

    zipllm_get_options get = ZIPLLM_GET_OPTIONS_INIT;
    get.name = "org/base";
    get.target = at("other"); /* not empty */
    cr_assert_eq(zipllm_get(store, &get, NULL, &error), ZIPLLM_ERROR);
    cr_assert_not_null(strstr(error.message, "not empty"), "%s", error.message);
    zipllm_close(store);
}

Test(store, gc_and_other_commands_exclude_each_other)
{
    zipllm_error error;
    zipllm_store *other = NULL;
    zipllm_store *store = test_open(store_path, ZIPLLM_SHARED);
    cr_assert_eq(zipllm_open(store_path, ZIPLLM_EXCLUSIVE, NULL, &other, &error), ZIPLLM_LOCKED);
    zipllm_store *second = test_open(store_path, ZIPLLM_SHARED);
    zipllm_close(second);
    cr_assert_eq(zipllm_gc(store, false, NULL, &error), ZIPLLM_USAGE);
    zipllm_close(store);
    store = test_open(store_path, ZIPLLM_EXCLUSIVE);
    cr_assert_eq(zipllm_open(store_path, ZIPLLM_SHARED, NULL, &other, &error), ZIPLLM_LOCKED);
    zipllm_close(store);
}

Test(store, a_store_of_another_version_is_refused)
{
    zipllm_error error;
    zipllm_store *store = NULL;
    size_t nbytes;
    char options[128];
    (void)snprintf(options, sizeof options, "%s/zipllm.json", store_path);
    unsigned char *text = test_read(options, &nbytes);
    text[nbytes] = '\0';
    char *version = strstr((char *)text, "\"version\": 2");
    cr_assert_not_null(version);
    version[11] = '1';
    test_write(options, text, nbytes);
    free(text);
    cr_assert_eq(zipllm_open(store_path, ZIPLLM_SHARED, NULL, &store, &error), ZIPLLM_ERROR);
    cr_assert_not_null(strstr(error.message, "version 1;"), "%s", error.message);
    cr_assert_eq(zipllm_init(store_path, &error), ZIPLLM_ERROR);
}

Test(store, restored_names_stay_beneath_the_target)
{
    zipllm_error error;
    struct stat st;
    make_base(at("base"), 1);
    zipllm_store *store = test_open(store_path, ZIPLLM_SHARED);
    (void)test_add(store, at("base"), "org/base", NULL);
    test_mkdir(at("out"));
    test_mkdir(at("outside"));
    cr_assert_eq(symlink(at("outside"), at("out/sub")), 0);
    zipllm_get_options get = ZIPLLM_GET_OPTIONS_INIT;
    get.name = "org/base";
    get.target = at("out");
    get.force = true;
    cr_assert_eq(zipllm_get(store, &get, NULL, &error), ZIPLLM_ERROR);
    cr_assert_not_null(strstr(error.message, "sub"), "%s", error.message);
    cr_assert_neq(stat(at("outside/\xff\n\" \\ name"), &st), 0);
    zipllm_close(store);
}
