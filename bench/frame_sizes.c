/* Encoding a family with every codec, to count bytes. */
#include "bench/frame_sizes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "bench/args.h"
#include "bench/isolated.h"

static const struct {
    const char *name;
    bitx_codec codec;
    bitx_effort effort;
} coders[] = {{"raw", BITX_CODEC_RAW, BITX_EFFORT_DEFAULT},
              {"zstd", BITX_CODEC_ZSTD, BITX_EFFORT_DEFAULT},
              {"bitx", BITX_CODEC_BITX, BITX_EFFORT_DEFAULT},
              {"float", BITX_CODEC_FLOAT, BITX_EFFORT_DEFAULT},
              {"delta", BITX_CODEC_DELTA, BITX_EFFORT_DEFAULT},
              {"auto", BITX_CODEC_AUTO, BITX_EFFORT_DEFAULT},
              {"fast", BITX_CODEC_AUTO, BITX_EFFORT_FAST},
              {"max", BITX_CODEC_AUTO, BITX_EFFORT_MAX}};
enum { NCODERS = sizeof(coders) / sizeof(coders[0]) };

const char *bench_size_coder_word(size_t index)
{
    return index < NCODERS ? coders[index].name : index == NCODERS ? "none" : NULL;
}

/* delta without a base, for one. */
static const char not_for_this[] = "not for this data";

/* One codec and one family: all frames, each decoded and compared. */
typedef struct sizing {
    const bench_library *library;
    const bench_family *family;
    size_t coder;
    uint64_t total;
} sizing;

static const char *size_tensor(sizing *s, bitx_ctx *ctx, const bench_tensor *t)
{
    const bench_library *l = s->library;
    bitx_params p = BITX_PARAMS_INIT;
    size_t bound, n, back;
    p.dtype = t->dtype;
    p.codec = coders[s->coder].codec;
    p.effort = coders[s->coder].effort;
    if (l->encode_bound(&p, t->nbytes, t->base_nbytes, &bound) != BITX_OK)
        return "no bound for this tensor";
    uint8_t *frame = malloc(bound), *out = malloc(t->nbytes ? t->nbytes : 1);
    const char *why = frame && out ? NULL : "out of memory";
    if (!why && l->encode(ctx, &p, frame, bound, &n, t->data, t->nbytes, t->base, t->base_nbytes) !=
                    BITX_OK)
        why = not_for_this;
    /* Frames of codecs that work alone name no base, and a base given to them is refused. */
    if (!why &&
        l->decode(ctx, out, t->nbytes, &back, frame, n, t->base, t->base_nbytes) != BITX_OK &&
        l->decode(ctx, out, t->nbytes, &back, frame, n, NULL, 0) != BITX_OK)
        why = "WRONG: does not decode its own frames";
    if (!why && (back != t->nbytes || memcmp(out, t->data, t->nbytes) != 0))
        why = "WRONG: decodes to other bytes";
    s->total += why ? 0 : n;
    free(frame);
    free(out);
    return why;
}

static const char *size_family(void *arg)
{
    sizing *s = arg;
    bitx_ctx *ctx;
    const char *why = NULL;
    s->total = 0;
    if (s->library->ctx_new(NULL, NULL, &ctx) != BITX_OK)
        return "out of memory";
    for (size_t i = 0; i < s->family->n && !why; i++)
        why = size_tensor(s, ctx, &s->family->at[i]);
    s->library->ctx_free(ctx);
    return why;
}

const char *bench_frame_sizes(const bench_library *l, const bench_sources *families,
                              const char *codecs, const char *only, bench_figures *out)
{
    out->what = "frame sizes";
    snprintf(out->key, sizeof(out->key), "zstd %s", ZSTD_versionString());
    if (!l->ctx_new)
        return "no codecs in this library";
    for (size_t f = 0; f < families->n; f++)
        for (size_t c = 0; c < NCODERS; c++) {
            char name[BENCH_NAME_MAX];
            snprintf(name, sizeof(name), "%s/%s", coders[c].name, families->at[f].label);
            if (!bench_in_list(codecs, coders[c].name) || (only && !strstr(name, only)))
                continue;
            sizing s = {l, &families->at[f], c, 0};
            const char *why = l->handle ? bench_isolated(size_family, &s) : NULL;
            if (!why)
                why = size_family(&s);
            if (why == not_for_this)
                continue;
            bench_figure *x = bench_figures_add(out, name);
            x->value = s.total;
            x->wrong = why && strncmp(why, "WRONG", 5) == 0;
            snprintf(x->why, sizeof(x->why), "%s", why ? why : "");
        }
    return NULL;
}
