/* Of harness.c: the arguments of each signature from the streams of a case. */
#ifndef TESTS_HARNESS_CALL_H
#define TESTS_HARNESS_CALL_H

#include "harness.h"

/* Tables of 16 to 256 bytes are copied to end at guard, the first byte of a page that faults. */
void kc_call(bitx_fn fn, bitx_sig sig, kc_case *c, uint8_t *guard);

#endif
