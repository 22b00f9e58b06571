#include "gguf.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

/* Numbers are positions; gaps were types that ggml has withdrawn. Sizes: ggml-common.h, where an
   FP16 scale is 2 bytes and QK_K is 256. */
static const zipllm_gguf_type types[] = {
    [0] = {"F32", 1, 4, BITX_F32},
    [1] = {"F16", 1, 2, BITX_F16},
    [2] = {"Q4_0", 32, 18, BITX_Q4_0},
    [3] = {"Q4_1", 32, 20, BITX_Q4_1},
    [6] = {"Q5_0", 32, 22, BITX_Q5_0},
    [7] = {"Q5_1", 32, 24, BITX_Q5_1},
    [8] = {"Q8_0", 32, 34, BITX_Q8_0},
    [9] = {"Q8_1", 32, 36, BITX_Q8_1},
    [10] = {"Q2_K", 256, 84, BITX_Q2_K},
    [11] = {"Q3_K", 256, 110, BITX_Q3_K},
    [12] = {"Q4_K", 256, 144, BITX_Q4_K},
    [13] = {"Q5_K", 256, 176, BITX_Q5_K},
    [14] = {"Q6_K", 256, 210, BITX_Q6_K},
    [15] = {"Q8_K", 256, 292, BITX_Q8_K},
    [16] = {"IQ2_XXS", 256, 66, BITX_BYTES},
    [17] = {"IQ2_XS", 256, 74, BITX_BYTES},
    [18] = {"IQ3_XXS", 256, 98, BITX_BYTES},
    [19] = {"IQ1_S", 256, 50, BITX_BYTES},
    [20] = {"IQ4_NL", 32, 18, BITX_IQ4_NL},
    [21] = {"IQ3_S", 256, 110, BITX_BYTES},
    [22] = {"IQ2_S", 256, 82, BITX_BYTES},
    [23] = {"IQ4_XS", 256, 136, BITX_IQ4_XS},
    [24] = {"I8", 1, 1, BITX_I8},
    [25] = {"I16", 1, 2, BITX_I16},
    [26] = {"I32", 1, 4, BITX_I32},
    [27] = {"I64", 1, 8, BITX_I64},
    [28] = {"F64", 1, 8, BITX_F64},
    [29] = {"IQ1_M", 256, 56, BITX_BYTES},
    [30] = {"BF16", 1, 2, BITX_BF16},
    [34] = {"TQ1_0", 256, 54, BITX_BYTES},
    [35] = {"TQ2_0", 256, 66, BITX_BYTES},
    [39] = {"MXFP4", 32, 17, BITX_MXFP4},
    [40] = {"NVFP4", 64, 36, BITX_BYTES},
    [41] = {"Q1_0", 128, 18, BITX_BYTES},
};

const zipllm_gguf_type *zipllm_gguf_type_at(uint32_t number)
{
    if (number >= sizeof types / sizeof types[0] || types[number].name == NULL)
        return NULL;
    return &types[number];
}

/* Metadata value types; the sizes of those that have one. */
enum { VALUE_UINT32 = 4, VALUE_STRING = 8, VALUE_ARRAY = 9, VALUE_COUNT = 13 };
static const uint8_t value_nbytes[VALUE_COUNT] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

#define DEFAULT_ALIGNMENT 32u

typedef struct parser {
    zipllm_cursor cursor;
    zipllm_gguf *gguf;
    uint64_t capacity; /* of gguf->tensors */
} parser;

static bool refuse(parser *p, uint64_t offset, const char *reason)
{
    return zipllm_parse_fail(p->cursor.error, ZIPLLM_PARSE_REFUSED, offset, "%s", reason);
}

static bool skip_string(parser *p)
{
    uint64_t nbytes;

    return zipllm_cursor_u64(&p->cursor, &nbytes) && zipllm_cursor_skip(&p->cursor, nbytes, 1);
}

static bool skip_value(parser *p, uint32_t type, unsigned depth);

static bool skip_array(parser *p, unsigned depth)
{
    uint64_t at = p->cursor.pos;
    uint64_t count;
    uint64_t i;
    uint32_t type;

    if (depth == ZIPLLM_GGUF_DEPTH_MAX)
        return refuse(p, at, "arrays nested too deep");
    if (!zipllm_cursor_u32(&p->cursor, &type) || !zipllm_cursor_u64(&p->cursor, &count))
        return false;
    if (type < VALUE_COUNT && value_nbytes[type] != 0)
        return zipllm_cursor_skip(&p->cursor, count, value_nbytes[type]);
    for (i = 0; i < count; i++) /* each takes eight bytes at least, so the file bounds the loop */
        if (!skip_value(p, type, depth + 1))
            return false;
    return true;
}

static bool skip_value(parser *p, uint32_t type, unsigned depth)
{
    if (type == VALUE_STRING)
        return skip_string(p);
    if (type == VALUE_ARRAY)
        return skip_array(p, depth);
    if (type < VALUE_COUNT)
        return zipllm_cursor_skip(&p->cursor, 1, value_nbytes[type]);
    return zipllm_parse_fail(p->cursor.error, ZIPLLM_PARSE_REFUSED, p->cursor.pos,
                             "metadata of unknown type %" PRIu32, type);
}

static bool read_alignment(parser *p, uint32_t type)
{
    uint64_t at = p->cursor.pos;
    uint32_t alignment;

    if (type != VALUE_UINT32)
        return refuse(p, at, "general.alignment is not a 32-bit number");
    if (!zipllm_cursor_u32(&p->cursor, &alignment))
        return false;
    if (alignment == 0 || (alignment & (alignment - 1)) != 0)
        return zipllm_parse_fail(p->cursor.error, ZIPLLM_PARSE_REFUSED, at,
                                 "alignment %" PRIu32 " is not a power of two", alignment);
    p->gguf->alignment = alignment;
    return true;
}

static bool read_pair(parser *p)
{
    static const char alignment_key[] = "general.alignment";
    char key[sizeof alignment_key - 1];
    uint64_t nbytes;
    uint32_t type;
    bool is_alignment = false;

    if (!zipllm_cursor_u64(&p->cursor, &nbytes))
        return false;
    if (nbytes == sizeof key) {
        if (!zipllm_cursor_bytes(&p->cursor, key, sizeof key))
            return false;
        is_alignment = memcmp(key, alignment_key, sizeof key) == 0;
    } else if (!zipllm_cursor_skip(&p->cursor, nbytes, 1)) {
        return false;
    }
    if (!zipllm_cursor_u32(&p->cursor, &type))
        return false;
    return is_alignment ? read_alignment(p, type) : skip_value(p, type, 0);
}

/* FNV-1a: only tells duplicates; a forged collision makes the file a blob. */
static uint64_t hash_name(const char *name, size_t nbytes)
{
    uint64_t hash = 0xcbf29ce484222325u;
    size_t i;

    for (i = 0; i < nbytes; i++)
        hash = (hash ^ (unsigned char)name[i]) * 0x100000001b3u;
    return hash;
}

static bool read_name(parser *p, zipllm_gguf_tensor *tensor)
{
    char name[ZIPLLM_GGUF_NAME_MAX];
    uint64_t at = p->cursor.pos;
    uint64_t nbytes;

    if (!zipllm_cursor_u64(&p->cursor, &nbytes))
        return false;
    if (nbytes > sizeof name)
        return refuse(p, at, "a tensor's name is too long");
    tensor->name_offset = p->cursor.pos;
    tensor->name_nbytes = (uint16_t)nbytes;
    if (!zipllm_cursor_bytes(&p->cursor, name, (size_t)nbytes))
        return false;
    if (!zipllm_utf8_is_text(name, (size_t)nbytes))
        return refuse(p, at, "a tensor's name is not UTF-8 text");
    tensor->name_hash = hash_name(name, (size_t)nbytes);
    return true;
}

/* Bytes of a tensor of these dims; false: refused. */
static bool tensor_nbytes(parser *p, uint64_t at, const zipllm_gguf_tensor *tensor,
                          uint64_t *nbytes)
{
    const zipllm_gguf_type *type = &types[tensor->type];
    uint64_t nelem = 1;
    unsigned i;

    for (i = 0; i < tensor->rank; i++)
        if (__builtin_mul_overflow(nelem, tensor->dims[i], &nelem))
            return refuse(p, at, "a shape's product overflows");
    if ((tensor->rank == 0 ? 1 : tensor->dims[0]) % type->block_nelem != 0)
        return refuse(p, at, "a row is not a whole number of blocks of its type");
    if (__builtin_mul_overflow(nelem / type->block_nelem, (uint64_t)type->block_nbytes, nbytes))
        return refuse(p, at, "a tensor's size overflows");
    return true;
}

/* begin and end count from the data section until place_tensors(). */
static bool read_tensor(parser *p, zipllm_gguf_tensor *tensor)
{
    uint64_t at = p->cursor.pos;
    uint64_t nbytes = 0;
    uint32_t rank;
    uint32_t type;
    unsigned i;

    memset(tensor, 0, sizeof *tensor);
    if (!read_name(p, tensor) || !zipllm_cursor_u32(&p->cursor, &rank))
        return false;
    if (rank > ZIPLLM_GGUF_RANK_MAX)
        return zipllm_parse_fail(p->cursor.error, ZIPLLM_PARSE_REFUSED, at,
                                 "%" PRIu32 " dimensions", rank);
    for (i = 0; i < rank; i++)
        if (!zipllm_cursor_u64(&p->cursor, &tensor->dims[i]))
            return false;
    if (!zipllm_cursor_u32(&p->cursor, &type) || !zipllm_cursor_u64(&p->cursor, &tensor->begin))
        return false;
    if (zipllm_gguf_type_at(type) == NULL)
        return zipllm_parse_fail(p->cursor.error, ZIPLLM_PARSE_REFUSED, at,
                                 "tensor type %" PRIu32 " is not known", type);
    tensor->rank = (uint8_t)rank;
    tensor->type = (uint8_t)type;
    if (!tensor_nbytes(p, at, tensor, &nbytes))
        return false;
    if (tensor->begin % p->gguf->alignment != 0)
        return refuse(p, at, "a tensor's offset is not aligned");
    if (__builtin_add_overflow(tensor->begin, nbytes, &tensor->end))
        return refuse(p, at, "a tensor's end overflows");
    return true;
}

/* Grows with what has been read, so that a count alone allocates nothing. */
static bool reserve(parser *p)
{
    uint64_t capacity = p->capacity == 0 ? 64 : 2 * p->capacity;
    zipllm_gguf_tensor *grown;

    if (p->gguf->ntensors < p->capacity)
        return true;
    grown = realloc(p->gguf->tensors, (size_t)capacity * sizeof *grown);
    if (grown == NULL)
        return zipllm_parse_fail(p->cursor.error, ZIPLLM_PARSE_MEMORY, p->cursor.pos,
                                 "out of memory");
    p->gguf->tensors = grown;
    p->capacity = capacity;
    return true;
}

static int by_hash(const void *a, const void *b)
{
    const zipllm_gguf_tensor *x = a;
    const zipllm_gguf_tensor *y = b;

    return (x->name_hash > y->name_hash) - (x->name_hash < y->name_hash);
}

static int by_offset(const void *a, const void *b)
{
    const zipllm_gguf_tensor *x = a;
    const zipllm_gguf_tensor *y = b;

    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

static bool check_names(parser *p)
{
    zipllm_gguf_tensor *t = p->gguf->tensors;
    size_t i;

    if (p->gguf->ntensors < 2)
        return true;
    qsort(t, p->gguf->ntensors, sizeof *t, by_hash);
    for (i = 1; i < p->gguf->ntensors; i++)
        if (t[i].name_hash == t[i - 1].name_hash)
            return refuse(p, t[i].name_offset, "two tensors have one name");
    return true;
}

/* Makes offsets absolute, and checks them against each other and the file. */
static bool place_tensors(parser *p, uint64_t file_nbytes)
{
    zipllm_gguf_tensor *t = p->gguf->tensors;
    uint64_t end = p->gguf->header_nbytes;
    size_t i;

    if (p->gguf->ntensors == 0)
        return true;
    qsort(t, p->gguf->ntensors, sizeof *t, by_offset);
    for (i = 0; i < p->gguf->ntensors; i++) {
        if (t[i].end > file_nbytes - p->gguf->header_nbytes)
            return refuse(p, t[i].name_offset, "a tensor ends beyond the file");
        t[i].begin += p->gguf->header_nbytes;
        t[i].end += p->gguf->header_nbytes;
        if (t[i].begin < end)
            return refuse(p, t[i].name_offset, "a tensor overlaps another one");
        end = t[i].end;
    }
    return true;
}

static bool find_data(parser *p, uint64_t file_nbytes)
{
    uint64_t mask = p->gguf->alignment - 1u;
    uint64_t start = p->cursor.pos + mask;

    start &= ~mask;
    if (start > file_nbytes) { /* nothing but empty tensors can follow */
        if (p->gguf->ntensors > 0)
            return refuse(p, p->cursor.pos, "the data section begins beyond the file");
        start = file_nbytes;
    }
    p->gguf->header_nbytes = start;
    return true;
}

static bool read_head(parser *p, uint64_t *ntensors, uint64_t *npairs)
{
    char magic[4];

    if (!zipllm_cursor_bytes(&p->cursor, magic, sizeof magic) ||
        memcmp(magic, "GGUF", sizeof magic) != 0) {
        if (p->cursor.error->status != ZIPLLM_PARSE_READ)
            p->cursor.error->status = ZIPLLM_PARSE_OK; /* too short counts as another kind */
        return zipllm_parse_fail(p->cursor.error, ZIPLLM_PARSE_OTHER, 0, "not a GGUF file");
    }
    if (!zipllm_cursor_u32(&p->cursor, &p->gguf->version))
        return false;
    if (p->gguf->version != 2 && p->gguf->version != 3)
        return zipllm_parse_fail(p->cursor.error, ZIPLLM_PARSE_REFUSED, 4,
                                 "GGUF version %" PRIu32 " is not known", p->gguf->version);
    if (!zipllm_cursor_u64(&p->cursor, ntensors) || !zipllm_cursor_u64(&p->cursor, npairs))
        return false;
    if (*ntensors > ZIPLLM_GGUF_TENSORS_MAX)
        return zipllm_parse_fail(p->cursor.error, ZIPLLM_PARSE_REFUSED, 8, "%" PRIu64 " tensors",
                                 *ntensors);
    return true;
}

static bool parse(parser *p, uint64_t file_nbytes)
{
    uint64_t ntensors;
    uint64_t npairs;
    uint64_t i;

    if (!read_head(p, &ntensors, &npairs))
        return false;
    for (i = 0; i < npairs; i++) /* each takes twelve bytes at least */
        if (!read_pair(p))
            return false;
    for (i = 0; i < ntensors; i++) {
        if (!reserve(p) || !read_tensor(p, &p->gguf->tensors[i]))
            return false;
        p->gguf->ntensors++;
    }
    return find_data(p, file_nbytes) && check_names(p) && place_tensors(p, file_nbytes);
}

zipllm_parse_status zipllm_gguf_parse(const bitx_source *source, uint64_t file_nbytes,
                                      zipllm_gguf *gguf, zipllm_parse_error *error)
{
    unsigned char *window = malloc(ZIPLLM_CURSOR_WINDOW);
    parser p = {.gguf = gguf};

    memset(gguf, 0, sizeof *gguf);
    gguf->alignment = DEFAULT_ALIGNMENT;
    zipllm_cursor_init(&p.cursor, source, 0, file_nbytes, window, error);
    if (window == NULL)
        zipllm_parse_fail(error, ZIPLLM_PARSE_MEMORY, 0, "out of memory");
    else if (!parse(&p, file_nbytes))
        zipllm_gguf_free(gguf);
    free(window);
    return error->status;
}

void zipllm_gguf_free(zipllm_gguf *gguf)
{
    free(gguf->tensors);
    memset(gguf, 0, sizeof *gguf);
}

bool zipllm_gguf_name(const bitx_source *source, const zipllm_gguf_tensor *tensor, char *dst)
{
    dst[tensor->name_nbytes] = '\0';
    return source->read(source->user, tensor->name_offset, dst, tensor->name_nbytes) == 0;
}
