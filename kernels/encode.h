/*
 * What the files of delta_encode share.
 *
 * The raw bits of magnitude v >= 15 are those of v - (2^e + 14), of which e are kept: the low e
 * bits of v - 14. Below 15, e is 0 and only bits of the shift are kept, which 14 << shift does not
 * change. So the raw bits of all are the low shift + e bits of m - (14 << shift), inverted where
 * the difference is negative: of u itself, where e is 0.
 */
#ifndef BITX_ENCODE_H
#define BITX_ENCODE_H

enum { ENCODE_DIRECT = 15 /* the greatest magnitude that is its own symbol */ };

#endif
