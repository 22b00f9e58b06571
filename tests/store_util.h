/* Models made for tests, and stores to put them in. Everything lies beneath one temporary folder.
 */
#ifndef TESTS_STORE_UTIL_H
#define TESTS_STORE_UTIL_H

#include "zipllm.h"

typedef struct test_tensor {
    const char *name, *dtype, *shape; /* shape: "[2,3]" */
    const void *bytes;
    size_t nbytes;
} test_tensor;

/* A new folder; "/tmp/..." static until the next call in this process. */
const char *test_folder(void);
/* "FOLDER/NAME", static for the last 16 calls. */
const char *test_path(const char *folder, const char *name);
void test_remove(const char *folder);

void test_mkdir(const char *path);
void test_write(const char *path, const void *bytes, size_t nbytes);
/* malloced; *nbytes gets the length. */
unsigned char *test_read(const char *path, size_t *nbytes);
void test_write_safetensors(const char *path, const test_tensor *tensors, size_t n);
/* Pseudo-random BF16 weights around 0, the same for a seed. */
void test_weights(void *dst, size_t nbytes, unsigned seed);
/* Changes the lowest bits of some weights, as a fine-tune does. */
void test_tune(void *weights, size_t nbytes, unsigned seed);

/* Do two folders hold the same files and folders? */
bool test_same(const char *a, const char *b);

/* An executor of `n` threads that live as long as each call. */
const bitx_executor *test_executor(unsigned n);

/* Opens, does, closes. Criterion fails where the status is not the one expected. */
zipllm_store *test_open(const char *store, zipllm_mode mode);
zipllm_add_result test_add(zipllm_store *store, const char *path, const char *name,
                           const char *base);
void test_get(zipllm_store *store, const char *name, const char *target);

#endif
