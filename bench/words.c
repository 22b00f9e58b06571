/* The words of lists that several commands take. */
#include "bench/words.h"

#include "bench/caches.h"
#include "dispatch/ops.h"

const char *bench_op_word(size_t index)
{
    const bitx_op *op = bitx_op_at(index);
    return op ? op->name : NULL;
}

const char *bench_op_or_none_word(size_t index)
{
    if (index == 0)
        return "none";
    return bench_op_word(index - 1);
}

const char *bench_isa_word(size_t index)
{
    return index < BITX_ISA_COUNT ? bitx_isa_name((bitx_isa)index) : NULL;
}

const char *bench_ws_word(size_t index)
{
    return index < BENCH_WS_COUNT ? bench_ws_name((bench_ws)index) : NULL;
}
