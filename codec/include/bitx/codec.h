/*
 * bitx/codec.h: the bytes of one tensor <-> one frame.
 *
 * A frame holds one tensor, losslessly, in blocks that decode alone. It is coded by itself, or
 * given a base tensor of the same dtype (the model that it was fine-tuned from), which the decoder
 * must then supply again. The layout of a frame is specified in FORMAT.md.
 *
 * - Units: sizes are bytes unless a name says otherwise (nelem, bits).
 * - Ownership: every buffer is the caller's. Objects are allocated by bitx_ctx_new(),
 *   bitx_plan_new() and bitx_frame_open(). A context's work memory grows through its allocator, on
 *   the calling thread, when a call needs more than any before it (a larger block, a higher zstd
 *   level); a call like an earlier one allocates nothing.
 * - Threads: the library starts none. A context serves one call at a time; with an executor, that
 *   call spreads over its workers. A plan or an opened frame is read-only once made, so any number
 *   of threads may use one at once, each with its own context.
 * - Errors: a status by value; outputs through pointers, untouched unless BITX_OK is returned (the
 *   contents of a destination buffer are then undefined). A hostile frame ends in an error; it is
 *   never read or written beyond what was given.
 * - Stability: compressed bytes depend on the input, the parameters and the version of libzstd
 *   alone: not on the ISA, the number of threads or the memory (but for fit_nbytes; and where a
 *   change of low rank is looked for, on the last digits of the C library's logarithm).
 */
#ifndef BITX_CODEC_H
#define BITX_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "bitx/kernels.h" /* BITX_API, BITX_WARN_UNUSED */

#ifdef __cplusplus
extern "C" {
#endif

typedef enum bitx_status {
    BITX_OK = 0,
    BITX_ERR_ARGUMENT,    /* a parameter is outside its documented range */
    BITX_ERR_MEMORY,      /* the allocator returned NULL */
    BITX_ERR_DST_SIZE,    /* the destination is too small */
    BITX_ERR_TRUNCATED,   /* the frame ends before it should */
    BITX_ERR_MAGIC,       /* not a frame */
    BITX_ERR_VERSION,     /* a frame of another format version */
    BITX_ERR_UNSUPPORTED, /* a codec, predictor, dtype or flag that this build does not know */
    BITX_ERR_CORRUPT,     /* a field of the frame contradicts itself or another one */
    BITX_ERR_CHECKSUM,    /* decoded bytes or a header do not have the recorded checksum */
    BITX_ERR_NO_BASE,     /* the frame needs a base, and none was given */
    BITX_ERR_WRONG_BASE,  /* the base given is not the one that the frame was coded against */
    BITX_ERR_SOURCE       /* a caller's read callback failed */
} bitx_status;

/* "ok", "truncated frame", ...: English, static, never NULL. */
BITX_API const char *bitx_status_name(bitx_status status);

/* Element types; the values are part of the format. BYTES is for anything unknown. */
typedef enum bitx_dtype {
    BITX_BYTES = 0,
    BITX_BOOL,
    BITX_F4,
    BITX_F6_E2M3,
    BITX_F6_E3M2,
    BITX_U8,
    BITX_I8,
    BITX_F8_E5M2,
    BITX_F8_E4M3,
    BITX_F8_E8M0,
    BITX_F8_E4M3FNUZ,
    BITX_F8_E5M2FNUZ,
    BITX_I16,
    BITX_U16,
    BITX_F16,
    BITX_BF16,
    BITX_I32,
    BITX_U32,
    BITX_F32,
    BITX_C64,
    BITX_F64,
    BITX_I64,
    BITX_U64,
    /* Records of quantised weights, as ggml packs them; an element of these is a byte. */
    BITX_Q4_0,
    BITX_Q4_1,
    BITX_Q5_0,
    BITX_Q5_1,
    BITX_Q8_0,
    BITX_Q8_1,
    BITX_Q2_K,
    BITX_Q3_K,
    BITX_Q4_K,
    BITX_Q5_K,
    BITX_Q6_K,
    BITX_Q8_K,
    BITX_IQ4_NL,
    BITX_IQ4_XS,
    BITX_MXFP4,
    BITX_DTYPE_COUNT
} bitx_dtype;

/* "BF16", as safetensors and ggml spell it; "BYTES" for BITX_BYTES; "?" outside the range. */
BITX_API const char *bitx_dtype_name(bitx_dtype dtype);
/* Bits per element (4 for F4, 64 for C64 and F64, 8 for records); 0 outside the range. */
BITX_API unsigned bitx_dtype_bits(bitx_dtype dtype);
/* The dtype of that exact name, or BITX_DTYPE_COUNT. The name need not end in a NUL. */
BITX_API bitx_dtype bitx_dtype_parse(const char *name, size_t length);

/* How a block is coded; the values are part of the format. */
typedef enum bitx_codec {
    BITX_CODEC_AUTO = 0, /* the smallest of all codecs, block by block; never in a frame */
    BITX_CODEC_RAW = 1,
    BITX_CODEC_ZSTD = 2,
    BITX_CODEC_BITX = 3, /* ZipLLM's (arXiv 2505.06252): XOR with the base, zstd-3 on exponents and
                            on sign+mantissas; other widths by byte planes */
    BITX_CODEC_FLOAT = 4,
    BITX_CODEC_DELTA = 5,
    BITX_CODEC_FIELDS = 6, /* records of quantised weights, field by field with the two above */
    BITX_CODEC_COUNT
} bitx_codec;

BITX_API const char *bitx_codec_name(bitx_codec codec);

/* How much time the encoder spends choosing. Decoders do not care. */
typedef enum bitx_effort {
    BITX_EFFORT_DEFAULT = 0, /* the choice is predicted from samples */
    BITX_EFFORT_FAST,
    BITX_EFFORT_MAX /* every candidate is tried; the smallest is kept */
} bitx_effort;

enum {
    BITX_BLOCK_DEFAULT = 1 << 20,
    BITX_BLOCK_MIN = 1 << 12,
    BITX_BLOCK_MAX = 1 << 26,
    BITX_HASH_NBYTES = 16,
    BITX_BASES_MAX = 8, /* of one tensor */
    BITX_FIT_DEFAULT = 1 << 28
};

/* Reads exactly nbytes at offset into dst; 0 on success. Called while plans are made only. */
typedef struct bitx_source {
    int (*read)(void *user, uint64_t offset, void *dst, size_t nbytes);
    void *user;
} bitx_source;

/*
 * The two matrices of a LoRA adapter for one tensor, as PEFT keeps them: a (rank x elements of a
 * row) and b (rows x rank), row-major, of one dtype. The hashes are those of their bytes.
 */
typedef struct bitx_adapter_source {
    bitx_source a, b;
    uint64_t a_nbytes, b_nbytes;
    bitx_dtype dtype; /* BF16, F16 or F32 */
    const uint8_t *a_hash, *b_hash;
} bitx_adapter_source;

typedef struct bitx_params {
    size_t size; /* sizeof(bitx_params) */
    bitx_dtype dtype;
    bitx_codec codec; /* for every block that it makes smaller; the others are raw */
    bitx_effort effort;
    uint32_t block_nbytes; /* of tensor; a power of two, BITX_BLOCK_MIN to _MAX; 0: the default */
    int zstd_level;        /* 1 to 19, of ZSTD and BITX; 0: 3, the paper's */
    /* Elements in a row of the tensor, if it is a matrix (a tensor of more dimensions is one too:
       all but the first of them make a row). Given a base, a change of low rank (a merged LoRA) is
       then looked for, and coded as such if that is smaller. 0: not. */
    uint64_t row_nelem;
    uint64_t fit_nbytes; /* at most so much memory for finding it; 0: BITX_FIT_DEFAULT */
    /* What may have been merged into the base, of which row_nelem must be the row; NULL: nothing.
       If it was, the frame says so (BITX_PREDICT_ADAPTER), and needs the adapter to be decoded. */
    const bitx_adapter_source *adapter;
} bitx_params;

#define BITX_PARAMS_INIT                                                                           \
    {                                                                                              \
        sizeof(bitx_params), BITX_BYTES, BITX_CODEC_AUTO, BITX_EFFORT_DEFAULT, 0, 0, 0, 0, 0       \
    }

/* ---- context ------------------------------------------------------------------------------- */

/* allocate() returns memory aligned for any type, or NULL; release() takes what it returned. */
typedef struct bitx_allocator {
    void *(*allocate)(void *user, size_t nbytes);
    void (*release)(void *user, void *memory);
    void *user;
} bitx_allocator;

/*
 * The caller's parallel-for: run(user, job, arg, n) calls job(arg, i, worker) once for every i < n,
 * in any order, on any threads, and returns when all have returned. No two calls may share a worker
 * number (< nworkers) at the same time. A plain loop with worker 0 is a correct executor.
 */
typedef void (*bitx_job)(void *arg, size_t index, unsigned worker);
typedef struct bitx_executor {
    void (*run)(void *user, bitx_job job, void *arg, size_t n);
    void *user;
    unsigned nworkers; /* 1 to 1024 */
} bitx_executor;

/* Work memory, zstd contexts included, for one call at a time. */
typedef struct bitx_ctx bitx_ctx;

/* allocator NULL: malloc and free. executor NULL: the calling thread alone. Both are copied. */
BITX_API BITX_WARN_UNUSED bitx_status bitx_ctx_new(const bitx_allocator *allocator,
                                                   const bitx_executor *executor, bitx_ctx **out);
BITX_API void bitx_ctx_free(bitx_ctx *ctx); /* NULL is allowed */

/* ---- a whole tensor in memory ---------------------------------------------------------------- */

/* The largest frame that such a tensor can become, and the `cap` that bitx_encode() asks for: a
   function of these arguments alone. BITX_ERR_ARGUMENT beyond 2^48 bytes. */
BITX_API BITX_WARN_UNUSED bitx_status bitx_encode_bound(const bitx_params *params, size_t nbytes,
                                                        size_t base_nbytes, size_t *bound);

/*
 * base: the tensor that src was derived from, same dtype; NULL with base_nbytes 0 for none. It may
 * be shorter or longer than src: elements beyond its end are coded as if there were no base.
 * src and base may be any length and alignment; bytes that do not fill an element are kept.
 */
BITX_API BITX_WARN_UNUSED bitx_status bitx_encode(bitx_ctx *ctx, const bitx_params *params,
                                                  void *dst, size_t cap, size_t *dst_nbytes,
                                                  const void *src, size_t nbytes, const void *base,
                                                  size_t base_nbytes);

/* What the codecs take for the base of a tensor; the values are part of the format. */
typedef enum bitx_prediction_kind {
    BITX_PREDICT_NONE = 0,
    BITX_PREDICT_BASE = 1,    /* the base */
    BITX_PREDICT_LOWRANK = 2, /* the base and a matrix of low rank, which the frame holds */
    BITX_PREDICT_MERGE = 3,   /* a weighted sum of several bases */
    BITX_PREDICT_CAST = 4,    /* the base, rounded from another float format */
    BITX_PREDICT_ADAPTER = 5  /* the base and the product of an adapter's two matrices */
} bitx_prediction_kind;

/* What the header of a frame says. */
typedef struct bitx_frame_info {
    bitx_dtype dtype;
    bitx_codec codec;                    /* what the encoder was asked for, AUTO included */
    unsigned predictor;                  /* a bitx_prediction_kind */
    uint64_t nbytes;                     /* of the tensor */
    uint64_t base_nbytes;                /* 0: no base is needed */
    uint8_t base_hash[BITX_HASH_NBYTES]; /* canonical (big-endian) XXH3-128 of the base's bytes */
    uint32_t block_nbytes;               /* of tensor, every block but the last */
    uint64_t nblocks;
    uint64_t header_nbytes; /* up to the first block's payload, checksum included */
    uint64_t frame_nbytes;
    unsigned nbases;       /* 0 to BITX_BASES_MAX; of these, the last nfactors are */
    unsigned nfactors;     /* ADAPTER: 2, the matrices a and b, which are needed whole */
    bitx_dtype base_dtype; /* of the others */
    uint8_t other_hashes[BITX_BASES_MAX - 1][BITX_HASH_NBYTES]; /* of bases 1 and on */
    unsigned rank;                      /* LOWRANK, ADAPTER: of the change */
    uint64_t columns;                   /* LOWRANK, ADAPTER: elements of a row */
    bitx_dtype factor_dtype;            /* ADAPTER */
    uint64_t factor_nbytes[2];          /* ADAPTER */
    unsigned relative;                  /* MERGE: as in bitx_combine_f32() */
    float coefficients[BITX_BASES_MAX]; /* MERGE */
} bitx_frame_info;

/*
 * Reads and checks a header, of which `avail` bytes are there. BITX_ERR_TRUNCATED with *need set to
 * the number of bytes to come back with, when avail is too few; *need is at most header_nbytes, but
 * no more to be trusted than the frame: compare it with what there is before allocating.
 */
BITX_API BITX_WARN_UNUSED bitx_status bitx_frame_info_read(const void *frame, size_t avail,
                                                           bitx_frame_info *info, size_t *need);

/* What predicts the tensor, from the first BITX_PEEK_NBYTES bytes of a frame, of which nothing is
   checked: for lists. *rank: of a LOWRANK or ADAPTER, else 0. False if these bytes do not say. */
enum { BITX_PEEK_NBYTES = 64 };
BITX_API int bitx_frame_peek(const void *frame, size_t avail, bitx_prediction_kind *kind,
                             unsigned *rank);

/*
 * dst gets exactly info.nbytes bytes. frame_nbytes must be info.frame_nbytes, and base the bytes
 * that the frame was coded against, which is checked; it is ignored if the frame needs none.
 */
BITX_API BITX_WARN_UNUSED bitx_status bitx_decode(bitx_ctx *ctx, void *dst, size_t cap,
                                                  size_t *dst_nbytes, const void *frame,
                                                  size_t frame_nbytes, const void *base,
                                                  size_t base_nbytes);

/* Bytes [offset, offset + nbytes) of the tensor, touching only the blocks that hold them. The
   base's hash is not checked (that would read all of it); every block's checksum is. */
BITX_API BITX_WARN_UNUSED bitx_status bitx_decode_range(bitx_ctx *ctx, void *dst, uint64_t offset,
                                                        size_t nbytes, const void *frame,
                                                        size_t frame_nbytes, const void *base,
                                                        size_t base_nbytes);

/*
 * Frames of several bases, which a tensor was merged from. All bases are of one dtype, which may be
 * another one than the tensor's, and of base_nbytes bytes each. bitx_encode_bases() decides which
 * of those given are worth it: used[k] is the index in `bases` of what must be given as base k to
 * decode, k < *nused. Given one base of the tensor's dtype, it is bitx_encode(). The bound is
 * bitx_encode_bound() of the largest base.
 */
typedef struct bitx_base {
    const void *data;
    uint64_t nbytes;
    bitx_dtype dtype;
} bitx_base;

BITX_API BITX_WARN_UNUSED bitx_status bitx_encode_bases(bitx_ctx *ctx, const bitx_params *params,
                                                        void *dst, size_t cap, size_t *dst_nbytes,
                                                        const void *src, size_t nbytes,
                                                        const bitx_base *bases, unsigned nbases,
                                                        unsigned used[BITX_BASES_MAX],
                                                        unsigned *nused);
BITX_API BITX_WARN_UNUSED bitx_status bitx_decode_bases(bitx_ctx *ctx, void *dst, size_t cap,
                                                        size_t *dst_nbytes, const void *frame,
                                                        size_t frame_nbytes,
                                                        const void *const *bases, unsigned nbases,
                                                        size_t base_nbytes);

/* A frame that was coded with params.adapter, whether it uses the adapter or not: a and b are its
   matrices. bitx_decode() of one that does returns BITX_ERR_NO_BASE. */
BITX_API BITX_WARN_UNUSED bitx_status bitx_decode_adapter(bitx_ctx *ctx, void *dst, size_t cap,
                                                          size_t *dst_nbytes, const void *frame,
                                                          size_t frame_nbytes, const void *base,
                                                          size_t base_nbytes, const void *a,
                                                          size_t a_nbytes, const void *b,
                                                          size_t b_nbytes);

/* ---- block by block, for tensors that do not fit in memory ----------------------------------- */

/*
 * Everything that the blocks of one tensor share: geometry, codec choice, tables. Made from a
 * bounded sample that is read through the sources (base NULL: none; then base_hash is NULL too),
 * valid until bitx_plan_free(), independent of the context afterwards but for its allocator. If the
 * codecs chosen do not look at the base, the frame will need none.
 */
typedef struct bitx_plan bitx_plan;
BITX_API BITX_WARN_UNUSED bitx_status bitx_plan_new(bitx_ctx *ctx, const bitx_params *params,
                                                    const bitx_source *src, uint64_t nbytes,
                                                    const bitx_source *base, uint64_t base_nbytes,
                                                    const uint8_t *base_hash, bitx_plan **out);
BITX_API void bitx_plan_free(bitx_plan *plan);

typedef struct bitx_geometry {
    uint64_t nblocks;       /* 0 for an empty tensor */
    uint64_t header_nbytes; /* final already: payloads may be written before the header */
    uint32_t block_nbytes;
    uint32_t block_bound; /* the largest payload of a block */
    uint64_t base_nbytes; /* of the base that decoding will need; 0: the plan does without one */
} bitx_geometry;
BITX_API void bitx_plan_geometry(const bitx_plan *plan, bitx_geometry *out);

/* One row of a frame's block table. */
typedef struct bitx_block {
    uint32_t payload_nbytes;
    bitx_codec codec;  /* as coded, never AUTO */
    uint64_t checksum; /* XXH3-64 of the decoded bytes */
} bitx_block;

/*
 * Block i covers bytes [i * block_nbytes, ...) of the tensor; src is those bytes, base the same
 * range of the base (base_nbytes may be less, or 0, where the base is shorter). cap >= nbytes,
 * which no payload exceeds.
 */
BITX_API BITX_WARN_UNUSED bitx_status bitx_block_encode(bitx_ctx *ctx, const bitx_plan *plan,
                                                        uint64_t index, void *dst, size_t cap,
                                                        bitx_block *block, const void *src,
                                                        size_t nbytes, const void *base,
                                                        size_t base_nbytes);

/* dst gets header_nbytes bytes; `blocks` has nblocks rows. Payloads follow it, in order, unpadded.
 */
BITX_API BITX_WARN_UNUSED bitx_status bitx_header_write(const bitx_plan *plan, void *dst,
                                                        size_t cap, const bitx_block *blocks);

/*
 * The same of several bases; base_hashes[k] is that of bases[k]. What the plan chose of them is
 * bases[used[0]], bases[used[1]], ...: bitx_plan_bases() returns how many; the bytes of each that
 * block `index` needs begin at *offset and are *nbytes.
 */
typedef struct bitx_base_source {
    bitx_source source;
    uint64_t nbytes;
    bitx_dtype dtype;
    const uint8_t *hash;
} bitx_base_source;
BITX_API BITX_WARN_UNUSED bitx_status bitx_plan_new_bases(bitx_ctx *ctx, const bitx_params *params,
                                                          const bitx_source *src, uint64_t nbytes,
                                                          const bitx_base_source *bases,
                                                          unsigned nbases, bitx_plan **out);
BITX_API unsigned bitx_plan_bases(const bitx_plan *plan, unsigned used[BITX_BASES_MAX]);
BITX_API bitx_prediction_kind bitx_plan_predictor(const bitx_plan *plan);
BITX_API BITX_WARN_UNUSED bitx_status bitx_plan_base_range(const bitx_plan *plan, uint64_t index,
                                                           uint64_t *offset, size_t *nbytes);
BITX_API BITX_WARN_UNUSED bitx_status bitx_block_encode_bases(
    bitx_ctx *ctx, const bitx_plan *plan, uint64_t index, void *dst, size_t cap, bitx_block *block,
    const void *src, size_t nbytes, const void *const *bases, unsigned nbases, size_t base_nbytes);

/* A checked header, copied out of the frame. */
typedef struct bitx_frame bitx_frame;
BITX_API BITX_WARN_UNUSED bitx_status bitx_frame_open(bitx_ctx *ctx, const void *header,
                                                      size_t avail, bitx_frame **out);
/* The matrices of an ADAPTER, which are checked; once, before any block is decoded. */
BITX_API BITX_WARN_UNUSED bitx_status bitx_frame_set_adapter(bitx_frame *frame, const void *a,
                                                             size_t a_nbytes, const void *b,
                                                             size_t b_nbytes);
BITX_API void bitx_frame_close(bitx_frame *frame);
BITX_API void bitx_frame_get_info(const bitx_frame *frame, bitx_frame_info *info);

/* Where block `index` lies: payload offset from the start of the frame, and its row. */
BITX_API BITX_WARN_UNUSED bitx_status bitx_frame_block(const bitx_frame *frame, uint64_t index,
                                                       uint64_t *payload_offset, bitx_block *block);

/*
 * Decodes one block and checks its checksum. nbytes: of this block, as its geometry says; base: the
 * same range of the base, as for bitx_block_encode(), and not needed where block.codec is one that
 * does not look at it (RAW, ZSTD, FLOAT).
 */
BITX_API BITX_WARN_UNUSED bitx_status bitx_block_decode(bitx_ctx *ctx, const bitx_frame *frame,
                                                        uint64_t index, void *dst, size_t nbytes,
                                                        const void *payload, size_t payload_nbytes,
                                                        const void *base, size_t base_nbytes);

/* The same of several bases, or of one of another dtype: the bytes of each that the block needs. */
BITX_API BITX_WARN_UNUSED bitx_status bitx_frame_base_range(const bitx_frame *frame, uint64_t index,
                                                            uint64_t *offset, size_t *nbytes);
BITX_API BITX_WARN_UNUSED bitx_status
bitx_block_decode_bases(bitx_ctx *ctx, const bitx_frame *frame, uint64_t index, void *dst,
                        size_t nbytes, const void *payload, size_t payload_nbytes,
                        const void *const *bases, unsigned nbases, size_t base_nbytes);

#ifdef __cplusplus
}
#endif

#endif
