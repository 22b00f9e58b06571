/* Rooflines of coders. */
#include "bench/codec_roof.h"

#include <string.h>

int bench_codec_roof_open(bench_codec_roof *r, size_t nbytes, bench_case *cases)
{
    memset(r, 0, sizeof(*r));
    for (unsigned k = 0; k < BENCH_CODEC_ROOFS; k++) {
        bench_roofline_choice choice;
        bench_set *set = &r->set[k];
        memset(&choice, 0, sizeof(choice));
        set->nread = 1 + k;
        set->nwrite = 1;
        set->nslices = 1;
        /* A payload is a part of the tensor, so that three streams are about 2.3 tensors long. */
        for (unsigned i = 0; i < set->nread + set->nwrite; i++)
            set->nbytes[i] = nbytes * 3 / 4 / 4096 * 4096 + 4096;
        if (bench_set_map(set, BENCH_PAGES_HUGE) != 0)
            return -1;
        bench_roofline_choose(set, &choice);
        r->traffic[k] = bench_set_traffic(set);
        for (unsigned j = 0; j < BENCH_ROOFLINE_CANDIDATES; j++) {
            unsigned at = k * BENCH_ROOFLINE_CANDIDATES + j;
            if (bench_roofline_init(&r->loop[at], choice.loop[j % choice.nloops], set) != 0)
                return -1;
            cases[at] = (bench_case){bench_roofline_run, &r->loop[at], 1};
            bench_calibrate(&cases[at], BENCH_BATCH_NS, BENCH_BATCH_NS);
        }
    }
    return 0;
}

void bench_codec_roof_close(bench_codec_roof *r)
{
    for (unsigned k = 0; k < BENCH_CODEC_ROOFS; k++)
        bench_set_unmap(&r->set[k]);
}
