/* bench/words.h: the words of lists that several commands take, for bench_check_list(). */
#ifndef BENCH_WORDS_H
#define BENCH_WORDS_H

#include <stddef.h>

const char *bench_op_word(size_t index);
const char *bench_op_or_none_word(size_t index);
const char *bench_isa_word(size_t index);
const char *bench_ws_word(size_t index);

#endif
