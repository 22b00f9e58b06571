/* json_pull.h: numbers, read and refused as serde_json does. */
#include "json_bytes.h"

/* The powers of ten that can carry a 64-bit significand past the largest double. */
enum { POW10_FIRST = 289, POW10_LAST = 308 };
static const double POW10[] = {1e289, 1e290, 1e291, 1e292, 1e293, 1e294, 1e295,
                               1e296, 1e297, 1e298, 1e299, 1e300, 1e301, 1e302,
                               1e303, 1e304, 1e305, 1e306, 1e307, 1e308};

/* The product is rounded as serde_json rounds it (one multiplication), so that both refuse the same
   numbers. */
static bool overflows_double(uint64_t significand, int64_t exponent)
{
    if (significand == 0 || exponent < POW10_FIRST)
        return false;
    if (exponent > POW10_LAST)
        return true;
    return (double)significand * POW10[exponent - POW10_FIRST] > 1.7976931348623157e308;
}

/* Multiplies by ten and adds the next digit, unless that passes 64 bits. */
static bool append_digit(uint64_t *significand, int byte)
{
    uint64_t digit = (uint64_t)(byte - '0');

    if (*significand > (UINT64_MAX - digit) / 10)
        return false;
    *significand = *significand * 10 + digit;
    return true;
}

static bool finish_float(zipllm_json *json, uint64_t significand, int64_t exponent)
{
    if (overflows_double(significand, exponent))
        return zipllm_json_fail(json, json->pos, "number out of range");
    return true;
}

static bool number_exponent(zipllm_json *json, uint64_t significand, int64_t exponent)
{
    int64_t written = 0;
    bool negative = false;
    int byte;

    json->pos++;
    byte = zipllm_json_peek_byte(json);
    if (byte == '+' || byte == '-') {
        negative = byte == '-';
        json->pos++;
    }
    byte = zipllm_json_next_byte(json);
    if (byte < 0)
        return zipllm_json_fail(json, json->pos, "EOF while parsing a value");
    if (!zipllm_json_is_digit(byte))
        return zipllm_json_fail(json, json->pos - 1, "invalid number");
    written = byte - '0';
    while (zipllm_json_is_digit(byte = zipllm_json_peek_byte(json))) {
        json->pos++;
        if (written <= INT32_MAX)
            written = written * 10 + (byte - '0');
    }
    /* Beyond 32 bits serde_json looks at the sign alone. */
    if (written > INT32_MAX)
        return finish_float(json, significand, negative ? 0 : INT32_MAX);
    return finish_float(json, significand, negative ? exponent - written : exponent + written);
}

static bool number_fraction(zipllm_json *json, uint64_t significand, int64_t exponent)
{
    bool full = false;
    uint64_t start;
    int byte;

    json->pos++;
    start = json->pos;
    while (zipllm_json_is_digit(byte = zipllm_json_peek_byte(json))) {
        /* Digits that no longer fit are dropped, as serde_json does. */
        full = full || !append_digit(&significand, byte);
        exponent -= full ? 0 : 1;
        json->pos++;
    }
    if (json->pos == start)
        return zipllm_json_fail(json, start,
                                byte < 0 ? "EOF while parsing a value" : "invalid number");
    if (byte == 'e' || byte == 'E')
        return number_exponent(json, significand, exponent);
    return finish_float(json, significand, exponent);
}

/* The digits before any point or exponent. *dropped counts those beyond 64 bits. */
static bool number_integer(zipllm_json *json, uint64_t *significand, int64_t *dropped)
{
    int byte = zipllm_json_next_byte(json);

    if (byte < 0)
        return zipllm_json_fail(json, json->pos, "EOF while parsing a value");
    if (!zipllm_json_is_digit(byte))
        return zipllm_json_fail(json, json->pos - 1, "invalid number");
    *significand = (uint64_t)(byte - '0');
    *dropped = 0;
    if (byte == '0') {
        if (zipllm_json_is_digit(zipllm_json_peek_byte(json)))
            return zipllm_json_fail(json, json->pos, "invalid number");
        return json->error == NULL;
    }
    while (zipllm_json_is_digit(byte = zipllm_json_peek_byte(json))) {
        if (*dropped > 0 || !append_digit(significand, byte))
            ++*dropped;
        json->pos++;
    }
    return json->error == NULL;
}

bool zipllm_json_number(zipllm_json *json, zipllm_json_number_kind *kind, uint64_t *value)
{
    bool negative = zipllm_json_peek_byte(json) == '-';
    int64_t dropped = 0;
    int byte;

    if (negative)
        json->pos++;
    if (!number_integer(json, value, &dropped))
        return false;
    byte = zipllm_json_peek_byte(json);
    *kind = ZIPLLM_JSON_FLOAT;
    if (byte == '.')
        return number_fraction(json, *value, dropped);
    if (byte == 'e' || byte == 'E')
        return number_exponent(json, *value, dropped);
    if (dropped > 0)
        return finish_float(json, *value, dropped);
    if (!negative)
        *kind = ZIPLLM_JSON_UNSIGNED;
    else if (*value != 0 && *value <= UINT64_C(1) << 63)
        *kind = ZIPLLM_JSON_NEGATIVE;
    return json->error == NULL;
}
