/* safetensors_parser.h: do shapes, dtypes, offsets and the size of the file agree? */
#include <inttypes.h>

#include "safetensors_parser.h"

unsigned zipllm_st_size_flags(const zipllm_st_info *info)
{
    unsigned nbits = bitx_dtype_bits(info->dtype);

    if (info->unknown_dtype)
        return ZIPLLM_ST_FLAG_UNKNOWN_DTYPE;
    if (info->overflow || (nbits != 0 && info->nelem > UINT64_MAX / nbits))
        return ZIPLLM_ST_FLAG_OVERFLOW;
    if (info->nelem * nbits % 8 != 0)
        return ZIPLLM_ST_FLAG_MISALIGNED;
    if (info->offsets[1] - info->offsets[0] != info->nelem * nbits / 8)
        return ZIPLLM_ST_FLAG_SIZE;
    return 0;
}

static zipllm_st_status tensor_fault(zipllm_st_parser *p, const zipllm_st_entry *entry,
                                     zipllm_st_status status, const char *what,
                                     zipllm_st_error *error)
{
    char name[2 * ZIPLLM_JSON_HEAD_MAX], shown[4 * ZIPLLM_ST_TOKEN_MAX];
    size_t nbytes = 0, kept;

    if (!zipllm_json_decode(&p->json, entry->name_offset, entry->name_nbytes, name, sizeof name,
                            &nbytes))
        nbytes = 0;
    kept = nbytes < sizeof name ? nbytes : sizeof name;
    zipllm_st_printable(shown, sizeof shown, name, kept);
    return zipllm_st_fail(error, status, zipllm_st_file_offset(entry->name_offset - 1), "%s `%s%s`",
                          what, shown, nbytes > kept ? "..." : "");
}

zipllm_st_status zipllm_st_validate(zipllm_st_parser *p, zipllm_st_error *error)
{
    zipllm_st *st = p->st;
    uint64_t end = 0, data_nbytes = st->file_nbytes - ZIPLLM_ST_LENGTH_NBYTES - st->header_nbytes;
    size_t i;

    for (i = 0; i < st->nentries; i++) {
        const zipllm_st_entry *entry = &st->entries[i];
        if (entry->begin != end || entry->end < entry->begin)
            return tensor_fault(p, entry, ZIPLLM_ST_INVALID_OFFSET, "invalid offset for tensor",
                                error);
        end = entry->end;
        if (entry->flags & ZIPLLM_ST_FLAG_OVERFLOW)
            return tensor_fault(
                p, entry, ZIPLLM_ST_OVERFLOW,
                "overflow computing buffer size from shape and/or element type, of tensor", error);
        if (entry->flags & ZIPLLM_ST_FLAG_MISALIGNED)
            return tensor_fault(p, entry, ZIPLLM_ST_MISALIGNED,
                                "elements below a byte do not fill the last byte of tensor", error);
        if (entry->flags & ZIPLLM_ST_FLAG_SIZE)
            return tensor_fault(p, entry, ZIPLLM_ST_INVALID_INFO,
                                "invalid shape, data type, or offset for tensor", error);
        st->nunknown += (entry->flags & ZIPLLM_ST_FLAG_UNKNOWN_DTYPE) != 0;
    }
    if (end != data_nbytes)
        return zipllm_st_fail(error, ZIPLLM_ST_INCOMPLETE_BUFFER,
                              ZIPLLM_ST_LENGTH_NBYTES + st->header_nbytes,
                              "file not fully covered: tensors end at byte %" PRIu64
                              " of the data, which has %" PRIu64,
                              end, data_nbytes);
    return ZIPLLM_ST_OK;
}
