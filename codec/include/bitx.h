/* bitx.h: all of libbitx. See bitx/kernels.h for the kernels and bitx/codec.h for the codecs. */
#ifndef BITX_H
#define BITX_H

#include "bitx/codec.h"
#include "bitx/kernels.h"

#endif
