/* Writes a model's directory. */
#include "model_files.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { CHUNK_NELEM = 1 << 16 };

/* A file being written; the first failure sticks. */
typedef struct out {
    FILE *stream;
    char path[4096];
    uint64_t nbytes;
    int failed;
} out;

static void complain(out *o)
{
    if (!o->failed)
        fprintf(stderr, "make-family: %s: %s\n", o->path, strerror(errno));
    o->failed = 1;
}

static void out_open(out *o, const char *dir, const char *name)
{
    *o = (out){0};
    const int n = snprintf(o->path, sizeof o->path, "%s/%s", dir, name);
    if (n < 0 || (size_t)n >= sizeof o->path) {
        errno = ENAMETOOLONG;
        complain(o);
        return;
    }
    o->stream = fopen(o->path, "wbx");
    if (o->stream == NULL)
        complain(o);
}

static void out_bytes(out *o, const void *bytes, size_t nbytes)
{
    if (o->failed)
        return;
    if (fwrite(bytes, 1, nbytes, o->stream) != nbytes)
        complain(o);
    o->nbytes += nbytes;
}

__attribute__((format(printf, 2, 3))) static void out_text(out *o, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof text) {
        errno = EOVERFLOW;
        complain(o);
        return;
    }
    out_bytes(o, text, (size_t)n);
}

static int out_close(out *o)
{
    if (o->stream != NULL && fclose(o->stream) != 0)
        complain(o);
    return o->failed ? -1 : 0;
}

static void shard_name(char *name, size_t cap, unsigned shard, unsigned nshards)
{
    if (nshards == 1)
        snprintf(name, cap, "model.safetensors");
    else
        snprintf(name, cap, "model-%05u-of-%05u.safetensors", shard + 1, nshards);
}

/* Appends to text at *used; the caller made it large enough. */
__attribute__((format(printf, 3, 4))) static void append(char *text, size_t *used,
                                                         const char *format, ...)
{
    va_list args;
    va_start(args, format);
    *used += (size_t)vsprintf(text + *used, format, args);
    va_end(args);
}

/* A safetensors header: its length in 8 little-endian bytes, then JSON padded to a multiple of 8.
 */
static void header_write(out *o, const family *f, const tensor *tensors, size_t count)
{
    char *text = malloc(256 * (count + 1));
    if (text == NULL) {
        complain(o);
        return;
    }
    size_t used = 0;
    append(text, &used, "{\"__metadata__\":{\"format\":\"pt\"}");
    for (size_t i = 0; i < count; i++) {
        const tensor *t = &tensors[i];
        append(text, &used, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[%" PRIu64, t->name,
               weight_type_name(f->type), t->shape[0]);
        if (t->ndim == 2)
            append(text, &used, ",%" PRIu64, t->shape[1]);
        append(text, &used, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", t->offset,
               t->offset + t->nbytes);
    }
    append(text, &used, "}");
    while (used % 8 != 0)
        text[used++] = ' ';
    uint8_t length[8];
    for (unsigned i = 0; i < 8; i++)
        length[i] = (uint8_t)((uint64_t)used >> (8 * i));
    out_bytes(o, length, sizeof length);
    out_bytes(o, text, used);
    free(text);
}

static void tensor_write(out *o, const family *f, const model *m, const tensor *t, uint8_t *chunk)
{
    const weight_source source = tensor_source(f, m, t);
    const uint64_t nelem = t->shape[0] * t->shape[1];
    for (uint64_t done = 0; done < nelem && !o->failed; done += CHUNK_NELEM) {
        const uint64_t left = nelem - done;
        const size_t now = left < CHUNK_NELEM ? (size_t)left : CHUNK_NELEM;
        weight_fill(&source, done, now, chunk);
        out_bytes(o, chunk, now * weight_type_nbytes(f->type));
    }
}

static int weights_write(const family *f, const model *m, const tensor *tensors, size_t count,
                         const char *dir)
{
    uint8_t *chunk = malloc(CHUNK_NELEM * weight_type_nbytes(f->type));
    int status = chunk == NULL ? -1 : 0;
    for (size_t first = 0; first < count && status == 0;) {
        size_t end = first;
        while (end < count && tensors[end].shard == tensors[first].shard)
            end++;
        char name[64];
        shard_name(name, sizeof name, tensors[first].shard, m->nshards);
        out o;
        out_open(&o, dir, name);
        header_write(&o, f, tensors + first, end - first);
        for (size_t i = first; i < end; i++)
            tensor_write(&o, f, m, &tensors[i], chunk);
        status = out_close(&o);
        first = end;
    }
    free(chunk);
    return status;
}

static int index_write(const model *m, const tensor *tensors, size_t count, const char *dir)
{
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += tensors[i].nbytes;
    out o;
    out_open(&o, dir, "model.safetensors.index.json");
    out_text(&o, "{\n  \"metadata\": {\n    \"total_size\": %" PRIu64 "\n  },\n", total);
    out_text(&o, "  \"weight_map\": {\n");
    for (size_t i = 0; i < count; i++) {
        char name[64];
        shard_name(name, sizeof name, tensors[i].shard, m->nshards);
        out_text(&o, "    \"%s\": \"%s\"%s\n", tensors[i].name, name, i + 1 < count ? "," : "");
    }
    out_text(&o, "  }\n}\n");
    return out_close(&o);
}

static int config_write(const family *f, const model *m, const char *dir)
{
    static const char *const torch_names[WEIGHT_TYPE_COUNT] = {"bfloat16", "float16", "float32"};
    const architecture a = f->arch;
    out o;
    out_open(&o, dir, "config.json");
    out_text(&o, "{\n");
    if (!m->is_base)
        out_text(&o, "  \"_name_or_path\": \"%s-base\",\n", f->prefix);
    out_text(&o, "  \"architectures\": [\n    \"LlamaForCausalLM\"\n  ],\n");
    out_text(&o, "  \"hidden_size\": %u,\n  \"intermediate_size\": %u,\n", a.hidden, a.mlp);
    out_text(&o, "  \"model_type\": \"llama\",\n  \"num_attention_heads\": %u,\n", a.heads);
    out_text(&o, "  \"num_hidden_layers\": %u,\n  \"num_key_value_heads\": %u,\n", a.layers,
             a.kv_heads);
    out_text(&o, "  \"rms_norm_eps\": 1e-05,\n  \"tie_word_embeddings\": false,\n");
    out_text(&o, "  \"torch_dtype\": \"%s\",\n  \"vocab_size\": %u\n}\n", torch_names[f->type],
             a.vocab);
    return out_close(&o);
}

static int tokenizer_write(const family *f, const char *dir)
{
    out o;
    out_open(&o, dir, "tokenizer.json");
    out_text(&o, "{\n  \"version\": \"1.0\",\n  \"model\": {\n    \"type\": \"BPE\",\n");
    out_text(&o, "    \"vocab\": {\n");
    for (unsigned i = 0; i < f->arch.vocab; i++)
        out_text(&o, i < 256 ? "      \"<0x%02X>\": %u%s\n" : "      \"token%u\": %u%s\n", i, i,
                 i + 1 < f->arch.vocab ? "," : "");
    out_text(&o, "    },\n    \"merges\": []\n  }\n}\n");
    if (out_close(&o) != 0)
        return -1;
    out_open(&o, dir, "tokenizer_config.json");
    out_text(&o,
             "{\n  \"model_max_length\": 4096,\n  \"tokenizer_class\": \"LlamaTokenizer\"\n}\n");
    if (out_close(&o) != 0)
        return -1;
    out_open(&o, dir, "generation_config.json");
    out_text(&o, "{\n  \"bos_token_id\": 1,\n  \"eos_token_id\": 2\n}\n");
    return out_close(&o);
}

static int card_write(const family *f, const model *m, const char *dir)
{
    out o;
    out_open(&o, dir, "README.md");
    out_text(&o, "---\nlicense: cc0-1.0\nlibrary_name: transformers\n");
    if (!m->is_base)
        out_text(&o, "base_model: %s-base\n", f->prefix);
    out_text(&o, "---\n# %s-%s\n\n%s\n", f->prefix, m->suffix, m->about);
    return out_close(&o);
}

static int directory_make(const char *path)
{
    if (mkdir(path, 0777) == 0)
        return 0;
    fprintf(stderr, "make-family: %s: %s\n", path, strerror(errno));
    return -1;
}

int model_write(const family *f, const model *m, const char *dir)
{
    char path[4000];
    const int n = snprintf(path, sizeof path, "%s/%s-%s", dir, f->prefix, m->suffix);
    if (n < 0 || (size_t)n >= sizeof path) {
        fprintf(stderr, "make-family: %s: the name is too long\n", dir);
        return -1;
    }
    if (directory_make(path) != 0)
        return -1;
    size_t count;
    tensor *tensors = model_tensors(f, m, &count);
    if (tensors == NULL) {
        fprintf(stderr, "make-family: out of memory\n");
        return -1;
    }
    int status = weights_write(f, m, tensors, count, path);
    if (status == 0 && m->nshards > 1)
        status = index_write(m, tensors, count, path);
    if (status == 0)
        status = config_write(f, m, path);
    if (status == 0)
        status = tokenizer_write(f, path);
    if (status == 0 && m->has_card)
        status = card_write(f, m, path);
    free(tensors);
    return status;
}
