/* What a model directory may hold, how links are followed, and what cards say. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "card.h"
#include "scan.h"

/* ---- a directory to try things in -------------------------------------------------------------
 */

static char base[] = "/tmp/scan_test.XXXXXX";

static void setup(void)
{
    cr_assert(mkdtemp(base) != NULL);
    cr_assert(chdir(base) == 0);
    cr_assert(mkdir("model", 0777) == 0);
}

static void teardown(void)
{
    char command[256];

    cr_assert(chdir("/") == 0);
    snprintf(command, sizeof command, "rm -rf '%s'", base);
    cr_assert(system(command) == 0);
}

TestSuite(scan, .init = setup, .fini = teardown, .timeout = 60);

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");

    cr_assert(f != NULL, "%s: %s", path, strerror(errno));
    cr_assert(fwrite(text, 1, strlen(text), f) == strlen(text));
    cr_assert(fclose(f) == 0);
}

static void make_dirs(const char *path)
{
    char copy[512], *p;

    snprintf(copy, sizeof copy, "%s/", path);
    for (p = strchr(copy, '/'); p != NULL; p = strchr(p + 1, '/')) {
        *p = '\0';
        cr_assert(copy[0] == '\0' || mkdir(copy, 0777) == 0 || errno == EEXIST);
        *p = '/';
    }
}

static void expect_scan(const char *path, bool follow, zipllm_scan *scan)
{
    zipllm_error error;
    zipllm_status status = zipllm_scan_open(path, follow, scan, &error);

    cr_assert_eq(status, ZIPLLM_OK, "%s: %s", path, error.message);
}

/* Fails, and says both words. */
static void expect_error(const char *path, bool follow, const char *word, const char *reason)
{
    zipllm_error error = {.os_errno = 0};
    zipllm_scan scan;

    cr_expect_eq(zipllm_scan_open(path, follow, &scan, &error), ZIPLLM_ERROR);
    cr_expect(strstr(error.message, word) != NULL, "\"%s\" lacks \"%s\"", error.message, word);
    cr_expect(strstr(error.message, reason) != NULL, "\"%s\" lacks \"%s\"", error.message, reason);
    zipllm_scan_close(&scan);
}

/* The first byte of an item. */
static char first_byte(const zipllm_scan *scan, const char *path)
{
    const zipllm_scan_item *item = zipllm_scan_find(scan, path);
    zipllm_error error;
    char byte = '\0';
    int fd = -1;

    cr_assert(item != NULL, "%s", path);
    cr_assert_eq(zipllm_scan_open_file(scan, item, &fd, &error), ZIPLLM_OK, "%s", error.message);
    cr_assert(read(fd, &byte, 1) == 1);
    close(fd);
    return byte;
}

/* ---- trees ------------------------------------------------------------------------------------
 */

Test(scan, tree)
{
    static const char *const expected[] = {".hidden", "a b\n\xff",  "empty",
                                           "none",    "sub/deep/x", "sub/y"};
    zipllm_scan scan;
    size_t i;

    make_dirs("model/sub/deep");
    make_dirs("model/none");
    put("model/.hidden", "h");
    put("model/a b\n\xff", "a");
    put("model/empty", "");
    put("model/sub/deep/x", "x");
    put("model/sub/y", "yy");
    expect_scan("model", false, &scan);
    cr_assert_eq(scan.nitems, 6);
    for (i = 0; i < 6; i++)
        cr_expect_str_eq(scan.items[i].path, expected[i]);
    cr_expect(scan.items[3].directory);
    cr_expect_eq(scan.items[5].nbytes, 2);
    cr_expect_eq(first_byte(&scan, "sub/deep/x"), 'x');
    cr_expect(zipllm_scan_find(&scan, "sub") == NULL);
    cr_expect_str_eq(scan.name, "model");
    cr_expect(scan.revision == NULL);
    zipllm_scan_close(&scan);
    expect_scan("model/", false, &scan);
    cr_expect_str_eq(scan.name, "model");
    cr_expect_eq(scan.nitems, 6);
    zipllm_scan_close(&scan);
}

Test(scan, one_file)
{
    zipllm_scan scan;

    put("model/w.safetensors", "w");
    put("model/other", "o");
    cr_assert(symlink("model/w.safetensors", "alias") == 0);
    expect_scan("model/w.safetensors", false, &scan);
    cr_assert_eq(scan.nitems, 1);
    cr_expect_str_eq(scan.items[0].path, "w.safetensors");
    cr_expect_eq(first_byte(&scan, "w.safetensors"), 'w');
    zipllm_scan_close(&scan);
    expect_scan("alias", false, &scan); /* named by the user: may be a link */
    cr_expect_str_eq(scan.items[0].path, "alias");
    cr_expect_eq(first_byte(&scan, "alias"), 'w');
    zipllm_scan_close(&scan);
}

Test(scan, not_files)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    expect_error("absent", false, "absent", "No such file");
    cr_assert(mkfifo("model/pipe", 0666) == 0);
    expect_error("model", false, "model/pipe", "FIFO");
    expect_error("model/pipe", false, "model/pipe", "FIFO");
    cr_assert(symlink("pipe", "model/a") == 0);
    expect_error("model/a", true, "model/a", "FIFO");
    cr_assert(unlink("model/pipe") == 0);
    expect_error("model", true, "model/a", "broken symbolic link");
    cr_assert(unlink("model/a") == 0);
    snprintf(address.sun_path, sizeof address.sun_path, "model/socket");
    cr_assert(bind(fd, (const struct sockaddr *)&address, sizeof address) == 0);
    expect_error("model", false, "model/socket", "socket");
    close(fd);
    expect_error("/dev/null", false, "/dev/null", "character device");
}

/* A FIFO deep in the tree, with nobody at its other end: an error, not a hang (the suite's timeout
   is the test). */
Test(scan, fifo_swapped_in)
{
    zipllm_error error;
    zipllm_scan scan;
    int fd = -1;

    put("model/w", "w");
    expect_scan("model", false, &scan);
    cr_assert(unlink("model/w") == 0 && mkfifo("model/w", 0666) == 0);
    cr_expect_eq(zipllm_scan_open_file(&scan, &scan.items[0], &fd, &error), ZIPLLM_ERROR);
    cr_expect(strstr(error.message, "changed while being read") != NULL, "%s", error.message);
    zipllm_scan_close(&scan);
}

Test(scan, replaced_or_grown)
{
    zipllm_error error;
    zipllm_scan scan;
    int fd = -1;

    put("model/sub", "x");
    put("model/w", "w");
    expect_scan("model", false, &scan);
    put("model/w", "ww");
    cr_expect_eq(zipllm_scan_open_file(&scan, &scan.items[1], &fd, &error), ZIPLLM_ERROR);
    put("model/new", "w");
    cr_assert(rename("model/new", "model/w") == 0);
    cr_expect_eq(zipllm_scan_open_file(&scan, &scan.items[1], &fd, &error), ZIPLLM_ERROR);
    cr_assert(unlink("model/w") == 0 && symlink("sub", "model/w") == 0);
    cr_expect_eq(zipllm_scan_open_file(&scan, &scan.items[1], &fd, &error), ZIPLLM_ERROR);
    cr_expect(strstr(error.message, "model/w") != NULL);
    zipllm_scan_close(&scan);
}

/* ---- links ------------------------------------------------------------------------------------
 */

Test(scan, links)
{
    zipllm_scan scan;

    make_dirs("model/sub");
    make_dirs("outside");
    make_dirs("model2");
    put("model/w", "w");
    put("outside/secret", "s");
    put("model2/x", "x");
    cr_assert(symlink("../w", "model/sub/inside") == 0);
    expect_scan("model", false, &scan);
    cr_assert_eq(scan.nitems, 2);
    cr_expect(zipllm_scan_find(&scan, "sub/inside")->link);
    cr_expect_eq(first_byte(&scan, "sub/inside"), 'w');
    zipllm_scan_close(&scan);

    cr_assert(symlink("../outside/secret", "model/out") == 0);
    expect_error("model", false, "model/out", "leaves the model directory");
    expect_scan("model", true, &scan);
    cr_expect_eq(first_byte(&scan, "out"), 's');
    zipllm_scan_close(&scan);
    cr_assert(unlink("model/out") == 0);

    /* a neighbour whose name begins like the model's */
    cr_assert(symlink("../model2/x", "model/out") == 0);
    expect_error("model", false, "model/out", "leaves the model directory");
    cr_assert(unlink("model/out") == 0);

    cr_assert(symlink("sub", "model/dir") == 0);
    expect_error("model", true, "model/dir", "symbolic link to a directory");
    cr_assert(unlink("model/dir") == 0);
    cr_assert(symlink("loop", "model/loop") == 0);
    expect_error("model", true, "model/loop", "symbolic link");
}

Test(scan, hugging_face_cache)
{
    static const char snapshot[] = "hub/models--org--a--b/snapshots/0123abc";
    zipllm_scan scan;
    char path[256];

    make_dirs("hub/models--org--a--b/blobs");
    make_dirs("hub/models--gpt2/snapshots/ff");
    make_dirs(snapshot);
    put("hub/models--org--a--b/blobs/deadbeef", "b");
    put("hub/models--gpt2/snapshots/ff/x", "x");
    snprintf(path, sizeof path, "%s/w.safetensors", snapshot);
    cr_assert(symlink("../../blobs/deadbeef", path) == 0);
    expect_scan(snapshot, false, &scan);
    cr_expect_str_eq(scan.name, "org/a--b");
    cr_expect_str_eq(scan.revision, "0123abc");
    cr_expect_eq(first_byte(&scan, "w.safetensors"), 'b');
    zipllm_scan_close(&scan);
    expect_scan(path, false, &scan); /* one file of it */
    cr_expect_str_eq(scan.name, "org/a--b");
    cr_expect_str_eq(scan.revision, "0123abc");
    zipllm_scan_close(&scan);
    expect_scan("hub/models--gpt2/snapshots/ff", false, &scan);
    cr_expect_str_eq(scan.name, "gpt2");
    zipllm_scan_close(&scan);

    /* another model's blobs are outside */
    snprintf(path, sizeof path, "hub/models--gpt2/snapshots/ff/w");
    cr_assert(symlink("../../../models--org--a--b/blobs/deadbeef", path) == 0);
    expect_error("hub/models--gpt2/snapshots/ff", false, "ff/w", "leaves the model directory");
}

/* ---- limits -----------------------------------------------------------------------------------
 */

Test(scan, path_limit)
{
    char name[NAME_MAX + 1];
    zipllm_error error;
    zipllm_scan scan;
    int fd, next;
    unsigned i;

    /* 20 directories of 203 bytes with their slash: 4060; then a name of 36 or 37 bytes */
    memset(name, 'd', 202);
    name[202] = '\0';
    fd = open("model", O_RDONLY | O_DIRECTORY);
    for (i = 0; i < 20; i++) {
        cr_assert(mkdirat(fd, name, 0777) == 0);
        next = openat(fd, name, O_RDONLY | O_DIRECTORY);
        cr_assert(next >= 0);
        close(fd);
        fd = next;
    }
    memset(name, 'f', 36);
    name[36] = '\0';
    close(openat(fd, name, O_WRONLY | O_CREAT, 0666));
    expect_scan("model", false, &scan);
    cr_assert_eq(scan.nitems, 1);
    cr_expect_eq(strlen(scan.items[0].path), ZIPLLM_PATH_MAX);
    cr_assert_eq(zipllm_scan_open_file(&scan, &scan.items[0], &next, &error), ZIPLLM_OK, "%s",
                 error.message);
    close(next);
    zipllm_scan_close(&scan);
    name[36] = 'f';
    name[37] = '\0';
    close(openat(fd, name, O_WRONLY | O_CREAT, 0666));
    close(fd);
    expect_error("model", false, "model/", "longer than 4096");
}

Test(paths, safe)
{
    static const char *const good[] = {"a",   "a/b",  "..a",  "a..",  ".a",
                                       "...", "a/.b", "a\nb", "\xff", "-"};
    static const char *const bad[] = {"",   "/",    "/a",   "a/",     "a//b", ".",
                                      "..", "a/..", "../a", "a/../b", "./a",  "a/."};
    char path[ZIPLLM_PATH_MAX + 2];
    size_t i;

    for (i = 0; i < sizeof good / sizeof good[0]; i++)
        cr_expect(zipllm_path_is_safe(good[i], strlen(good[i])), "%s", good[i]);
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_expect_not(zipllm_path_is_safe(bad[i], strlen(bad[i])), "%s", bad[i]);
    cr_expect_not(zipllm_path_is_safe("a\0b", 3));
    memset(path, 'p', sizeof path);
    cr_expect(zipllm_path_is_safe(path, ZIPLLM_PATH_MAX));
    cr_expect_not(zipllm_path_is_safe(path, ZIPLLM_PATH_MAX + 1));
}

/* ---- Git LFS ----------------------------------------------------------------------------------
 */

#define OID "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
#define LFS "version https://git-lfs.github.com/spec/v1\n"

Test(lfs, pointer)
{
    static const char good[] = LFS "oid sha256:" OID "\nsize 12345\n";
    char text[256];
    uint64_t size = 0;
    size_t i;

    cr_expect(zipllm_is_lfs_pointer(good, strlen(good), &size));
    cr_expect_eq(size, 12345);
    for (i = 0; i < strlen(good); i++)
        cr_expect_not(zipllm_is_lfs_pointer(good, i, &size), "%zu bytes", i);
    for (i = 0; i < strlen(good); i++) { /* every byte counts */
        snprintf(text, sizeof text, "%s", good);
        text[i] = '*';
        cr_expect_not(zipllm_is_lfs_pointer(text, strlen(text), &size), "byte %zu", i);
    }
}

/* ---- cards ------------------------------------------------------------------------------------
 */

typedef struct card_case {
    const char *text;
    const char *names; /* separated by spaces */
    bool warning;
} card_case;

static const card_case CARDS[] = {
    {"---\nbase_model: org/base\n---\n# x\n", "org/base", false},
    {"---\r\nbase_model: org/base\r\n---\r\n", "org/base", false},
    {"\xEF\xBB\xBF---\nbase_model: org/base\n---", "org/base", false},
    {"---\nbase_model:\n- org/a\n- org/b\n- org/a\n---\n", "org/a org/b", false},
    {"---\nbase_model: [org/a, 'org/b']\nlicense: mit\n---\n", "org/a org/b", false},
    {"---\nbase_model: https://huggingface.co/org/a/\n---\n", "org/a", false},
    {"---\ntags:\n- base_model\n- x\nmodel: base_model\n---\n", "", false},
    {"---\nx:\n  base_model: org/no\nbase_model: org/yes\n---\n", "org/yes", false},
    {"---\nbase_model:\n  deep: org/no\n---\n", "", false},
    {"---\nbase_model:\n- [org/no]\n- org/yes\n---\n", "org/yes", false},
    {"---\nbase_model: null\n---\n", "", false},
    {"---\nbase_model: ~\n---\n", "", false},
    {"---\nbase_model:\n---\n", "", false},
    {"---\na: &x org/no\nb: *x\nbase_model: org/yes\n---\n", "org/yes", false},
    {"---\nbase_model: org/no\n", "", false}, /* no second line of dashes */
    {"# base_model: org/no\n", "", false},
    {"", "", false},
    {"---", "", false},
    {"---\nbase_model: org/no\n]bad: [\n---\n", "", true},
    {"---\nbase_model: \"\\xff\n---\n", "", true},
    {"---\nbase_model: org/no\nx: \x01\n---\n", "", true},
};

static void check_hints(const zipllm_hints *hints, const char *text, const char *names,
                        bool warning)
{
    char found[512] = "";
    size_t i;

    for (i = 0; i < hints->nhints; i++) {
        strcat(found, i > 0 ? " " : "");
        strcat(found, hints->hints[i].name);
    }
    cr_expect_str_eq(found, names, "%s: %s", text, found);
    cr_expect_eq(hints->warning[0] != '\0', warning, "%s: warning \"%s\"", text, hints->warning);
}

Test(card, front_matter)
{
    size_t i;

    for (i = 0; i < sizeof CARDS / sizeof CARDS[0]; i++) {
        zipllm_hints hints = {.nhints = 0};
        zipllm_hints_from_card(&hints, CARDS[i].text, strlen(CARDS[i].text), false);
        check_hints(&hints, CARDS[i].text, CARDS[i].names, CARDS[i].warning);
        zipllm_hints_free(&hints);
    }
}

Test(card, config)
{
    static const card_case configs[] = {
        {"{\"_name_or_path\":\"org/base\"}", "org/base", false},
        {"{\"_name_or_path\":\"\"}", "", false},
        {"{\"_name_or_path\":7}", "", false},
        {"{\"x\":{\"_name_or_path\":\"org/no\"}}", "", false},
        {"[]", "", false},
        {"{", "", true},
        {"", "", true},
        {"{\"_name_or_path\":\"\xff\"}", "", true},
    };
    size_t i;

    for (i = 0; i < sizeof configs / sizeof configs[0]; i++) {
        zipllm_hints hints = {.nhints = 0};
        zipllm_hints_from_config(&hints, configs[i].text, strlen(configs[i].text));
        check_hints(&hints, configs[i].text, configs[i].names, configs[i].warning);
        zipllm_hints_free(&hints);
    }
}

/* Long lists, long names and deep nesting end in bounds, not in a crash. */
Test(card, bounds, .timeout = 60)
{
    enum { NBYTES = ZIPLLM_CARD_NBYTES_MAX };
    static char text[NBYTES];
    zipllm_hints hints = {.nhints = 0};
    size_t used = (size_t)sprintf(text, "---\nbase_model:\n");
    size_t i;

    for (i = 0; i < ZIPLLM_HINTS_MAX + 1; i++)
        used += (size_t)sprintf(text + used, "- org/m%zu\n", i);
    used += (size_t)sprintf(text + used, "---\n");
    zipllm_hints_from_card(&hints, text, used, false);
    cr_expect_eq(hints.nhints, ZIPLLM_HINTS_MAX);
    zipllm_hints_free(&hints);

    for (i = ZIPLLM_HINT_NBYTES_MAX; i <= ZIPLLM_HINT_NBYTES_MAX + 1; i++) {
        used = (size_t)sprintf(text, "---\nbase_model: ");
        memset(text + used, 'n', i);
        used += i;
        used += (size_t)sprintf(text + used, "\n---\n");
        zipllm_hints_from_card(&hints, text, used, false);
        cr_expect_eq(hints.nhints, i <= ZIPLLM_HINT_NBYTES_MAX ? 1 : 0);
        zipllm_hints_free(&hints);
    }

    memset(text, '[', sizeof text);
    memcpy(text, "---\n", 4);
    memcpy(text + sizeof text - 5, "\n---\n", 5);
    zipllm_hints_from_card(&hints, text, sizeof text, false);
    cr_expect_eq(hints.nhints, 0);
    zipllm_hints_from_config(&hints, text + 4, sizeof text - 9);
    cr_expect_eq(hints.nhints, 0);
    memset(text + 4, 'x', sizeof text - 4);
    hints.warning[0] = '\0';
    zipllm_hints_from_card(&hints, text, sizeof text, true);
    cr_expect(strstr(hints.warning, "longer than") != NULL);
}

Test(scan, hints_of_a_model)
{
    zipllm_hints hints;
    zipllm_scan scan;

    put("model/README.md", "---\nbase_model: org/card\n---\n");
    put("model/config.json", "{\"_name_or_path\":\"org/config\"}");
    expect_scan("model", false, &scan);
    zipllm_hints_read(&hints, &scan);
    cr_assert_eq(hints.nhints, 2);
    cr_expect_eq(hints.hints[0].found, ZIPLLM_FOUND_CARD);
    cr_expect_eq(hints.hints[1].found, ZIPLLM_FOUND_CONFIG);
    cr_expect_str_eq(hints.hints[1].name, "org/config");
    zipllm_hints_free(&hints);
    zipllm_scan_close(&scan);
    cr_assert(unlink("model/README.md") == 0 && mkdir("model/README.md", 0777) == 0);
    cr_assert(unlink("model/config.json") == 0);
    expect_scan("model", false, &scan);
    zipllm_hints_read(&hints, &scan);
    cr_expect_eq(hints.nhints, 0);
    cr_expect_str_eq(hints.warning, "");
    zipllm_scan_close(&scan);
}
