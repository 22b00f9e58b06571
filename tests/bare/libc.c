/* As much of the C library as kernel_check calls. */
#include "machine.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- bytes ---- */

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    void *const result = to;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n)::"memory");
    return result;
}

void *memset(void *to, int value, size_t n)
{
    void *const result = to;
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(value) : "memory");
    return result;
}

void *memmove(void *to, const void *from, size_t n)
{
    uint8_t *d = to;
    const uint8_t *s = from;
    if ((uintptr_t)d - (uintptr_t)s >= n)
        return memcpy(to, from, n);
    while (n--)
        d[n] = s[n];
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a, *y = b;
    for (size_t i = 0; i < n; i++)
        if (x[i] != y[i])
            return x[i] - y[i];
    return 0;
}

size_t strlen(const char *s)
{
    size_t n = 0;
    while (s[n])
        n++;
    return n;
}

int strncmp(const char *a, const char *b, size_t n)
{
    size_t i = 0;
    while (i < n && a[i] && a[i] == b[i])
        i++;
    return i == n ? 0 : (uint8_t)a[i] - (uint8_t)b[i];
}

int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, SIZE_MAX);
}

/* ---- doubles: those that are normal, to those that are normal ---- */

double ldexp(double x, int exponent)
{
    for (; exponent > 1000; exponent -= 1000)
        x *= 0x1p1000;
    for (; exponent < -1000; exponent += 1000)
        x *= 0x1p-1000;
    const uint64_t bits = (uint64_t)(1023 + exponent) << 52;
    double factor;
    memcpy(&factor, &bits, sizeof(factor));
    return x * factor;
}

double frexp(double x, int *exponent)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof(bits));
    *exponent = x == 0 ? 0 : (int)(bits >> 52 & 2047) - 1022;
    return ldexp(x, -*exponent);
}

/* ---- printing ---- */

FILE *stderr;

/* A text of at most cap - 1 bytes, or what goes to the port. */
typedef struct sink {
    char *text;
    size_t cap, n;
} sink;

static void put(sink *to, char c)
{
    if (!to->text)
        bare_put(c);
    else if (to->n + 1 < to->cap)
        to->text[to->n] = c;
    to->n++;
}

static const char *digits(char text[24], uint64_t v, unsigned radix)
{
    char *p = text + 23;
    *p = 0;
    do
        *--p = "0123456789abcdef"[v % radix];
    while (v /= radix);
    return p;
}

/* The conversion at f, and where the format goes on: %[-#][width][l|ll|z|t](s|d|u|x|p). */
static const char *convert(sink *to, const char *f, va_list args)
{
    char text[24];
    const char *s = "", *sign = "";
    size_t width = 0;
    int left = 0, prefixed = 0, wide = 0;
    for (; *f == '-' || *f == '#'; f++)
        *(*f == '-' ? &left : &prefixed) = 1;
    for (; *f >= '0' && *f <= '9'; f++)
        width = 10 * width + (size_t)(*f - '0');
    for (; *f == 'l' || *f == 'z' || *f == 't'; f++)
        wide = 1;
    if (*f == 's') {
        s = va_arg(args, const char *);
    } else if (*f == 'd') {
        const int64_t v = wide ? va_arg(args, int64_t) : va_arg(args, int);
        sign = v < 0 ? "-" : "";
        s = digits(text, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 10);
    } else {
        wide |= *f == 'p';
        const uint64_t v = wide ? va_arg(args, uint64_t) : va_arg(args, unsigned);
        sign = *f == 'p' || (prefixed && v) ? "0x" : "";
        s = digits(text, v, *f == 'u' ? 10 : 16);
    }
    const size_t n = strlen(sign) + strlen(s);
    for (size_t i = n; !left && i < width; i++)
        put(to, ' ');
    for (; *sign; sign++)
        put(to, *sign);
    for (; *s; s++)
        put(to, *s);
    for (size_t i = n; left && i < width; i++)
        put(to, ' ');
    return f + 1;
}

static int format_to(sink *to, const char *f, va_list args)
{
    while (*f) {
        if (*f == '%')
            f = convert(to, f + 1, args);
        else
            put(to, *f++);
    }
    if (to->text && to->cap)
        to->text[to->n < to->cap ? to->n : to->cap - 1] = 0;
    return (int)to->n;
}

int snprintf(char *text, size_t cap, const char *f, ...)
{
    va_list args;
    sink to = {text, cap, 0};
    va_start(args, f);
    const int n = format_to(&to, f, args);
    va_end(args);
    return n;
}

int printf(const char *f, ...)
{
    va_list args;
    sink to = {NULL, 0, 0};
    va_start(args, f);
    const int n = format_to(&to, f, args);
    va_end(args);
    return n;
}

int fprintf(FILE *file, const char *f, ...)
{
    (void)file;
    va_list args;
    sink to = {NULL, 0, 0};
    va_start(args, f);
    const int n = format_to(&to, f, args);
    va_end(args);
    return n;
}

void perror(const char *what)
{
    printf("%s: failed\n", what);
}

char *strsignal(int signo)
{
    static char text[16];
    snprintf(text, sizeof(text), "signal %d", signo);
    return text;
}

/* ---- the environment: what run_bochs.sh compiled in ---- */

char *getenv(const char *name)
{
    static char seed[] = BARE_SEED, quick[] = "1";
    if (strcmp(name, "BITX_TEST_SEED") == 0)
        return seed;
    return strcmp(name, "BITX_TEST_QUICK") == 0 ? quick : NULL;
}

int setenv(const char *name, const char *value, int overwrite)
{
    (void)name, (void)value, (void)overwrite;
    return 0;
}

int unsetenv(const char *name)
{
    (void)name;
    return 0;
}

/* Decimal, or hexadecimal after 0x. */
unsigned long long strtoull(const char *s, char **end, int base)
{
    (void)end, (void)base;
    const unsigned radix = s[0] == '0' && s[1] == 'x' ? 16 : 10;
    unsigned long long v = 0;
    for (s += radix == 16 ? 2 : 0; *s; s++)
        v = radix * v + (unsigned)(*s <= '9' ? *s - '0' : (*s | 32) - 'a' + 10);
    return v;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
    (void)clock;
    *t = (struct timespec){0};
    return 0;
}

void exit(int code)
{
    bare_exit(code);
}
