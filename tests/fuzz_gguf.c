/*
 * The GGUF header parser on arbitrary files. Corpus seeds: tests/vectors/gguf.
 * Beside "no crash": accepted tensors lie in the file, do not overlap, and have names.
 */
#include <string.h>

#include "fuzz_input.h"
#include "gguf.h"

static void check_tensors(const zipllm_gguf *gguf, const bitx_source *source, uint64_t file_nbytes)
{
    uint64_t end = gguf->header_nbytes;
    size_t i;

    for (i = 0; i < gguf->ntensors; i++) {
        const zipllm_gguf_tensor *t = &gguf->tensors[i];
        char name[ZIPLLM_GGUF_NAME_MAX + 1];
        check(t->begin >= end && t->end >= t->begin && t->end <= file_nbytes);
        end = t->end;
        check(t->rank <= ZIPLLM_GGUF_RANK_MAX && zipllm_gguf_type_at(t->type) != NULL);
        check(zipllm_gguf_name(source, t, name) && strlen(name) == t->name_nbytes);
    }
    check(gguf->header_nbytes <= file_nbytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size};
    bitx_source source = {read_input, &in};
    zipllm_parse_error error;
    zipllm_gguf gguf;
    zipllm_parse_status status = zipllm_gguf_parse(&source, size, &gguf, &error);

    check(status == error.status);
    check(status == ZIPLLM_PARSE_OK || (error.message[0] != '\0' && error.offset <= size));
    check(status == ZIPLLM_PARSE_OK || (gguf.tensors == NULL && gguf.ntensors == 0));
    if (status == ZIPLLM_PARSE_OK)
        check_tensors(&gguf, &source, size);
    zipllm_gguf_free(&gguf);
    return 0;
}
