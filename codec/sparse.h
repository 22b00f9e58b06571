/*
 * Codec `delta` where few elements are not those of the base: groups as planes, which say of every
 * element whether it is coded, and lists of those that are. Internal to codec/.
 */
#ifndef CODEC_SPARSE_H
#define CODEC_SPARSE_H

#include "carve.h"
#include "plan.h"

enum {
    SPARSE_PIECE = 1 << 12, /* elements at a time: they and the base stay in L1 */
    SPARSE_BATCH = 4,       /* pieces, unless so many are coded before: */
    SPARSE_ENOUGH = 128,
    SPARSE_SLACK = SPARSE_BATCH * SPARSE_PIECE / 8 + 64, /* bytes read behind a plane */
    SPARSE_SHARE = 8                                     /* at most one of so many is coded */
};

struct delta_memory;

/* One of the three lists in delta_memory. */
static inline size_t sparse_list_room(size_t unit)
{
    return unit == 2 ? carved(2 * (SPARSE_ENOUGH + SPARSE_PIECE + 64)) : 0;
}

/* Whether words with groups of these sizes are restored faster so, by what their codes promise. */
bool bitx_sparse_pays(const bitx_words *words, const bitx_model *model,
                      const size_t sizes[CLASSES_MAX]);

/* Trees and raw bits, from behind the sizes to the end of r, to words. */
void bitx_sparse_decode(bit_reader *r, const bitx_words *words, const bitx_model *model,
                        const struct delta_memory *m, const size_t sizes[CLASSES_MAX],
                        uint8_t *dst);

/*
 * What bitx_words_encode() and groups_split make of words few of which are not those of the base:
 * planes, lists of coded symbols, raw bits; same_classes as there. False if words are of another
 * kind: then nothing is made.
 */
bool bitx_sparse_split(const bitx_words *words, const bitx_model *model, unsigned same_classes,
                       const struct delta_memory *m, group_lists *lists,
                       size_t nraw[RAW_STRINGS_MAX]);

/* About the fewest bytes that codes can make of these lists, and those of the raw bits. */
uint64_t bitx_sparse_least(const group_lists *lists, unsigned ngroups, const size_t *nraw,
                           unsigned nstrings);

/* bitx_count_list() and bitx_tree_encode() of a group with a plane, which is destroyed. */
size_t bitx_sparse_count(const group_lists *lists, unsigned g, uint8_t *room, uint32_t counts[256]);
void bitx_sparse_encode_tree(bit_writer *w, const bitx_code *code, const uint8_t ranks[256],
                             const group_lists *lists, unsigned g, const struct delta_memory *m);

#endif
