#include "json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

/* One line at a time, one array deep. */
static bool first_member, first_item;

static void print_string(const char *text, size_t nbytes)
{
    const char *end = text + nbytes;
    uint32_t c;

    (void)putchar('"');
    while (text < end) {
        size_t length = text_utf8(text, (size_t)(end - text), &c);
        if (length == 0) {
            (void)printf("\\udc%02x", (unsigned char)*text);
            length = 1;
        } else if (c == '"' || c == '\\') {
            (void)printf("\\%c", (char)c);
        } else if (c < 0x20 || (c >= 0x7F && c < 0xA0)) {
            (void)printf("\\u%04" PRIx32, c);
        } else {
            (void)fwrite(text, 1, length, stdout);
        }
        text += length;
    }
    (void)putchar('"');
}

static void print_key(const char *key)
{
    (void)printf(first_member ? "\"%s\":" : ",\"%s\":", key);
    first_member = false;
}

void json_begin(const char *type)
{
    (void)putchar('{');
    first_member = true;
    json_string("type", type);
}

void json_string(const char *key, const char *value)
{
    print_key(key);
    if (value != NULL)
        print_string(value, strlen(value));
    else
        (void)fputs("null", stdout);
}

void json_bytes(const char *key, const char *value, size_t nbytes)
{
    print_key(key);
    print_string(value, nbytes);
}

void json_uint(const char *key, uint64_t value)
{
    print_key(key);
    (void)printf("%" PRIu64, value);
}

void json_int(const char *key, int64_t value)
{
    print_key(key);
    (void)printf("%" PRId64, value);
}

void json_number(const char *key, double value)
{
    print_key(key);
    (void)printf("%.9g", value);
}

void json_bool(const char *key, bool value)
{
    print_key(key);
    (void)fputs(value ? "true" : "false", stdout);
}

void json_array(const char *key)
{
    print_key(key);
    (void)putchar('[');
    first_item = true;
}

void json_item(void)
{
    (void)fputs(first_item ? "{" : "},{", stdout);
    first_item = false;
    first_member = true;
}

void json_array_end(void)
{
    (void)fputs(first_item ? "]" : "}]", stdout);
    first_member = false;
}

void json_end(void)
{
    (void)fputs("}\n", stdout);
}
