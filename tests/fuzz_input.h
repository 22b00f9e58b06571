/* What every fuzz target of a parser has: the input as a source, and a check that ends the process.
 */
#ifndef TESTS_FUZZ_INPUT_H
#define TESTS_FUZZ_INPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct input {
    const uint8_t *bytes;
    size_t nbytes;
} input;

static int read_input(void *user, uint64_t offset, void *dst, size_t nbytes)
{
    const input *in = user;

    if (offset > in->nbytes || nbytes > in->nbytes - offset)
        abort(); /* the parser must not read beyond the file */
    memcpy(dst, in->bytes + offset, nbytes);
    return 0;
}

static void check(bool condition)
{
    if (!condition)
        abort();
}

#endif
