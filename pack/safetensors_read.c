/* safetensors.h: what is read from the header again on request: names, shapes, metadata. */
#include <stdlib.h>
#include <string.h>

#include "safetensors_parser.h"

enum { SMALL_WINDOW_NBYTES = 512, METADATA_TEXT_MAX = 4096 };

bool zipllm_st_name(const zipllm_st *st, const bitx_source *source, const zipllm_st_entry *entry,
                    char *dst, size_t cap, size_t *nbytes)
{
    unsigned char window[SMALL_WINDOW_NBYTES];
    zipllm_json json;

    zipllm_json_init(&json, source, ZIPLLM_ST_LENGTH_NBYTES, st->header_nbytes, window,
                     sizeof window);
    return zipllm_json_decode(&json, entry->name_offset, entry->name_nbytes, dst, cap, nbytes);
}

bool zipllm_st_read_details(const zipllm_st *st, const bitx_source *source,
                            const zipllm_st_entry *entry, zipllm_st_details *details)
{
    zipllm_st_parser *p = zipllm_st_parser_new(NULL, 1);
    zipllm_st_info info;
    bool good;

    if (p == NULL)
        return false;
    memset(&info, 0, sizeof info);
    info.dims = details->dims;
    zipllm_json_init(&p->json, source, ZIPLLM_ST_LENGTH_NBYTES, st->header_nbytes, p->window,
                     SMALL_WINDOW_NBYTES);
    p->json.pos = entry->value_offset;
    good = zipllm_st_read_tensor(p, &info) && info.rank == entry->rank;
    free(p);
    if (good)
        zipllm_st_printable_text(details->dtype, sizeof details->dtype, &info.dtype_text);
    return good;
}

static bool decode_cut(zipllm_json *json, const zipllm_json_text *text, char *dst, size_t *nbytes)
{
    if (!zipllm_json_decode(json, text->offset, text->raw_nbytes, dst, METADATA_TEXT_MAX, nbytes))
        return false;
    if (*nbytes > METADATA_TEXT_MAX)
        *nbytes = METADATA_TEXT_MAX;
    return true;
}

bool zipllm_st_metadata(const zipllm_st *st, const bitx_source *source,
                        zipllm_st_visit_metadata visit, void *user)
{
    unsigned char window[SMALL_WINDOW_NBYTES];
    char key[METADATA_TEXT_MAX], value[METADATA_TEXT_MAX];
    zipllm_json_text key_text, value_text;
    size_t key_nbytes, value_nbytes;
    zipllm_json json;
    bool first = true;
    int more;

    if (st->metadata_offset == 0)
        return true;
    zipllm_json_init(&json, source, ZIPLLM_ST_LENGTH_NBYTES, st->header_nbytes, window,
                     sizeof window);
    json.pos = st->metadata_offset;
    if (!zipllm_json_enter(&json))
        return false;
    while ((more = zipllm_json_next_key(&json, &first, &key_text)) > 0) {
        if (!zipllm_json_colon(&json) || zipllm_json_peek(&json) != '"' ||
            !zipllm_json_string(&json, &value_text) ||
            !decode_cut(&json, &key_text, key, &key_nbytes) ||
            !decode_cut(&json, &value_text, value, &value_nbytes))
            return false;
        if (!visit(user, key, key_nbytes, value, value_nbytes))
            return true;
    }
    return more == 0;
}
