/*
 * The header parser on arbitrary files. Corpus seeds: tests/vectors/hostile.
 *     clang -g -O1 -fsanitize=fuzzer,address,undefined ...; see BITX_BUILD_FUZZERS
 * Beside "no crash": accepted entries cover the data without a gap, and names and details are read
 * again without an error.
 */
#include <string.h>

#include "fuzz_input.h"
#include "safetensors.h"

static bool visit_metadata(void *user, const char *key, size_t key_nbytes, const char *value,
                           size_t value_nbytes)
{
    (void)user;
    check(key != NULL && value != NULL && key_nbytes <= 4096 && value_nbytes <= 4096);
    return true;
}

static void check_entries(const zipllm_st *st, const bitx_source *source)
{
    uint64_t end = 0;
    size_t i;

    for (i = 0; i < st->nentries; i++) {
        const zipllm_st_entry *entry = &st->entries[i];
        zipllm_st_details details;
        char name[64];
        size_t nbytes;
        check(entry->begin == end && entry->end >= end);
        end = entry->end;
        check((entry->flags & ~ZIPLLM_ST_FLAG_UNKNOWN_DTYPE) == 0);
        check(zipllm_st_name(st, source, entry, name, sizeof name, &nbytes));
        check(nbytes <= ZIPLLM_ST_NAME_MAX);
        check(zipllm_st_read_details(st, source, entry, &details));
    }
    check(8 + st->header_nbytes + end == st->file_nbytes);
    check(zipllm_st_metadata(st, source, visit_metadata, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size};
    bitx_source source = {read_input, &in};
    zipllm_st_error error;
    zipllm_st st;
    zipllm_st_status status = zipllm_st_parse(&source, size, 0, &st, &error);

    check(status == error.status || status == ZIPLLM_ST_OK);
    check(status == ZIPLLM_ST_OK || (error.message[0] != '\0' && error.offset <= size));
    if (status == ZIPLLM_ST_OK || status == ZIPLLM_ST_UNKNOWN_DTYPE)
        check_entries(&st, &source);
    zipllm_st_free(&st);
    return 0;
}
