/* The call of a signature class, and the streams that it wants. */
#include "bench/drivers.h"

#include "bench/driver_tables.h"

const bench_driver *bench_driver_for(bitx_sig sig)
{
    static const bench_driver *const tables[] = {bench_drivers_words, bench_drivers_planes,
                                                 bench_drivers_lists, bench_drivers_delta};
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && (size_t)sig < BITX_SIG_COUNT; i++)
        if (tables[i][sig].call)
            return &tables[i][sig];
    return NULL;
}

/* Bytes of one stream of this letter, the room it needs, and how many there are. */
static size_t letter_nbytes(char letter, unsigned width, size_t nelem, size_t *stride,
                            size_t *count)
{
    *stride = 0;
    *count = 1;
    switch (letter) {
    case 'W':
        return nelem * width / 8;
    case 'H':
        return nelem * width / 16;
    case 'Q':
        return nelem * width / 32;
    case 'T':
        return nelem * width * 3 / 32;
    case 'B': /* half of a plane */
        *stride = nelem / 8 + 64;
        return nelem / 16;
    case 'A':
        *stride = 16384;
        return 0;
    case 'P':
        *count = width;
        return (nelem + 7) / 8;
    case 'Y':
        *count = width / 8;
        return nelem;
    case 'L':
        *stride = nelem * width / 8 + 64;
        return nelem * width / 16;
    case 'R': /* until the data is known: half a byte for each element */
        *stride = 2 * nelem + 128;
        return nelem / 2;
    case 'K':
        *stride = 4096;
        return 0;
    default: /* '1' */
        return (nelem + 7) / 8;
    }
}

static int add_streams(const char *letters, unsigned width, size_t nelem, unsigned before,
                       bench_set *set, unsigned *n)
{
    for (*n = 0; *letters; letters++) {
        size_t stride, count, each = letter_nbytes(*letters, width, nelem, &stride, &count);
        if (count > 1) {
            set->planes = before + *n;
            set->nplanes = (unsigned)count;
        }
        for (; count; count--, (*n)++) {
            if (before + *n >= BENCH_STREAMS_MAX)
                return -1;
            set->nbytes[before + *n] = each;
            set->stride[before + *n] = stride;
        }
    }
    return 0;
}

int bench_driver_shape(const bench_driver *d, const bitx_op *op, size_t nelem, bench_set *set)
{
    if (add_streams(d->reads, op->width, nelem, 0, set, &set->nread) != 0)
        return -1;
    return add_streams(d->writes, op->width, nelem, set->nread, set, &set->nwrite);
}

void bench_driver_bind(const bitx_op *op, const bench_set *set, size_t slice, size_t nelem,
                       bench_call *c)
{
    c->op = op;
    c->nelem = nelem;
    c->rbytes = set->nbytes;
    for (unsigned i = 0; i < set->nread; i++)
        c->r[i] = bench_set_at(set, i, slice);
    for (unsigned i = 0; i < set->nwrite; i++)
        c->w[i] = bench_set_at(set, set->nread + i, slice);
}
