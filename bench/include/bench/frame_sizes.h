/* bench/frame_sizes.h: bytes of each codec's frames of a family. They depend on the data, the
   parameters and zstd's version alone, so they are held to be equal. */
#ifndef BENCH_FRAME_SIZES_H
#define BENCH_FRAME_SIZES_H

#include "bench/figures.h"
#include "bench/library.h"
#include "bench/sources.h"

/* `codecs`: a list of codec names; `only`: a part of CODEC/FAMILY; NULL: all. NULL, or why no sizes
   can be had. */
const char *bench_frame_sizes(const bench_library *l, const bench_sources *families,
                              const char *codecs, const char *only, bench_figures *out);
/* The codec names by index, "none" the last; NULL beyond. */
const char *bench_size_coder_word(size_t index);

#endif
