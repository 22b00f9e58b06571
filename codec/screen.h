/* Whether a codec that is slow to try may be better than what there is. Internal to codec/. */
#ifndef CODEC_SCREEN_H
#define CODEC_SCREEN_H

#include "block.h"

/*
 * Whether a codec by zstd (of the bytes, or of planes of XOR with the base) may make fewer than
 * `nbytes` of the block: from the entropy of some of its bytes and from repeats among them. True
 * where that says little.
 */
bool bitx_screen(const bitx_block_codec *codec, const bitx_span *span, const uint8_t *src,
                 size_t nbytes);

#endif
