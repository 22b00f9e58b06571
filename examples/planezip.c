/*
 * planezip: a compressor of one's own in a hundred lines, from libbitx's bit planes and libzstd. A
 * file of 16-bit elements (BF16, F16) is cut into chunks; each becomes sixteen planes of bits, XORed
 * with those of a base file if there is one, and zstd sees one plane at a time.
 *
 *   cc -O2 planezip.c $(pkg-config --cflags --libs bitx libzstd) -o planezip
 *   planezip c BASE FILE OUT       planezip d BASE FILE OUT       (BASE: a file, or - for none)
 */
#include <bitx.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

enum { CHUNK = 1 << 18, PLANE = CHUNK / 8, PLANES = 16 }; /* elements, bytes */
static const char magic[8] = "planez1";

static void die(const char *name, const char *why)
{
    fprintf(stderr, "planezip: %s: %s\n", name, why);
    exit(1);
}

/* A chunk of elements and one of the base's, zeros where a file has ended. Returns the bytes read. */
static size_t read_pair(uint8_t *x, FILE *in, uint8_t *b, FILE *base)
{
    size_t n = in ? fread(x, 1, 2 * CHUNK, in) : 0, nb = base ? fread(b, 1, 2 * CHUNK, base) : 0;
    memset(x + n, 0, 2 * CHUNK - n);
    memset(b + nb, 0, 2 * CHUNK - nb);
    return n;
}

static void put(FILE *f, const void *p, size_t n, const char *name)
{
    if (fwrite(p, 1, n, f) != n)
        die(name, "write failed");
}

static void get(FILE *f, void *p, size_t n, const char *name)
{
    if (fread(p, 1, n, f) != n)
        die(name, "truncated");
}

/* A chunk: its bytes, then for each plane its compressed size (0: as it is) and itself. */
static void compress(FILE *in, FILE *base, FILE *out, const char *name)
{
    static uint8_t x[2 * CHUNK], b[2 * CHUNK], planes[PLANES * PLANE], packed[2 * PLANE];
    size_t nbytes;
    put(out, magic, sizeof(magic), name);
    while ((nbytes = read_pair(x, in, b, base)) > 0) {
        size_t nelem = (nbytes + 1) / 2, plane = (nelem + 7) / 8;
        uint32_t head = (uint32_t)nbytes;
        put(out, &head, sizeof(head), name);
        bitx_xor_split_bits_u16(planes, plane, x, b, nelem);
        for (size_t p = 0; p < PLANES; p++) {
            size_t n = ZSTD_compress(packed, sizeof(packed), planes + p * plane, plane, 3);
            int keep = ZSTD_isError(n) || n >= plane;
            uint32_t size = keep ? 0 : (uint32_t)n;
            put(out, &size, sizeof(size), name);
            put(out, keep ? planes + p * plane : packed, keep ? plane : n, name);
        }
    }
}

static void decompress(FILE *in, FILE *base, FILE *out, const char *name)
{
    static uint8_t x[2 * CHUNK], b[2 * CHUNK], planes[PLANES * PLANE], packed[PLANE];
    char found[sizeof(magic)];
    uint32_t nbytes, size;
    get(in, found, sizeof(found), name);
    if (memcmp(found, magic, sizeof(magic)) != 0)
        die(name, "not a planezip file");
    while (fread(&nbytes, 1, sizeof(nbytes), in) == sizeof(nbytes)) {
        size_t nelem = ((size_t)nbytes + 1) / 2, plane = (nelem + 7) / 8;
        if (nbytes > 2 * CHUNK)
            die(name, "a chunk is too long");
        for (size_t p = 0; p < PLANES; p++) {
            get(in, &size, sizeof(size), name);
            if (size > sizeof(packed))
                die(name, "a plane is too long");
            get(in, size ? packed : planes + p * plane, size ? size : plane, name);
            if (size && ZSTD_decompress(planes + p * plane, plane, packed, size) != plane)
                die(name, "a plane does not decompress");
        }
        read_pair(x, NULL, b, base);
        bitx_xor_merge_bits_u16(x, planes, plane, b, nelem);
        put(out, x, nbytes, name);
    }
}

int main(int argc, char **argv)
{
    if (argc != 5 || (strcmp(argv[1], "c") != 0 && strcmp(argv[1], "d") != 0))
        die("usage", "c|d BASE FILE OUT");
    const char *wrong = bitx_selftest();
    if (wrong)
        die(wrong, "this CPU or compiler computes it wrongly");
    FILE *base = strcmp(argv[2], "-") == 0 ? NULL : fopen(argv[2], "rb");
    FILE *in = fopen(argv[3], "rb"), *out = in ? fopen(argv[4], "wb") : NULL;
    if (!in || !out || (!base && strcmp(argv[2], "-") != 0))
        die(!in ? argv[3] : !out ? argv[4] : argv[2], "cannot be opened");
    (argv[1][0] == 'c' ? compress : decompress)(in, base, out, argv[argv[1][0] == 'c' ? 4 : 3]);
    if (ferror(in) || fclose(out) != 0)
        die(argv[4], "read or write failed");
    return 0;
}
