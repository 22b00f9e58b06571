/*
 * The PyTorch archive parser and its pickle walk on arbitrary files. Corpus seeds:
 * tests/vectors/torch. Beside "no crash": storages lie in the file, do not overlap, and have names.
 */
#include <string.h>

#include "fuzz_input.h"
#include "torchzip.h"

static void check_storages(const zipllm_torchzip *torch, const bitx_source *source,
                           uint64_t file_nbytes)
{
    uint64_t end = 0;
    size_t i;

    for (i = 0; i < torch->nstorages; i++) {
        const zipllm_torch_storage *s = &torch->storages[i];
        char name[ZIPLLM_TORCH_NAME_MAX + 1];
        check(s->begin >= end && s->end >= s->begin && s->end <= file_nbytes);
        end = s->end;
        check(bitx_dtype_bits((bitx_dtype)s->dtype) != 0);
        check((s->end - s->begin) * 8 % bitx_dtype_bits((bitx_dtype)s->dtype) == 0);
        check(zipllm_torchzip_name(source, s, name) && name[0] != '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size};
    bitx_source source = {read_input, &in};
    zipllm_parse_error error;
    zipllm_torchzip torch;
    zipllm_parse_status status = zipllm_torchzip_parse(&source, size, &torch, &error);

    check(status == error.status);
    check(status == ZIPLLM_PARSE_OK || (error.message[0] != '\0' && error.offset <= size));
    check(status == ZIPLLM_PARSE_OK || (torch.storages == NULL && torch.nstorages == 0));
    if (status == ZIPLLM_PARSE_OK)
        check_storages(&torch, &source, size);
    zipllm_torchzip_free(&torch);
    return 0;
}
