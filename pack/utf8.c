#include "utf8.h"

#include <stdint.h>

/* Bytes of the sequence that begins here, or 0. left > 0. */
static size_t sequence(const unsigned char *s, size_t left)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t nbytes = s[0] < 0x80 ? 1 : s[0] < 0xc0 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    uint32_t code;
    size_t i;

    if (nbytes == 1)
        return s[0] != 0;
    if (nbytes == 0 || nbytes > left || s[0] > 0xf4)
        return 0;
    code = s[0] & (0x7fu >> nbytes);
    for (i = 1; i < nbytes; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (s[i] & 0x3f);
    }
    if (code < least[nbytes] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        return 0;
    return nbytes;
}

bool zipllm_utf8_is_text(const char *text, size_t nbytes)
{
    const unsigned char *s = (const unsigned char *)text;

    while (nbytes > 0) {
        size_t step = sequence(s, nbytes);
        if (step == 0)
            return false;
        s += step;
        nbytes -= step;
    }
    return true;
}
