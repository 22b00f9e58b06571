#include "pickle.h"

#include <stdlib.h>
#include <string.h>

/* Opcodes, by the names of Python's pickletools. Those of protocol 0 that end with a newline are
   left out, but for GLOBAL: torch.save() does not write them. */
enum {
    OP_MARK = '(',
    OP_STOP = '.',
    OP_POP = '0',
    OP_POP_MARK = '1',
    OP_DUP = '2',
    OP_BINBYTES = 'B',
    OP_SHORT_BINBYTES = 'C',
    OP_BINFLOAT = 'G',
    OP_BININT = 'J',
    OP_BININT1 = 'K',
    OP_BININT2 = 'M',
    OP_NONE = 'N',
    OP_BINPERSID = 'Q',
    OP_REDUCE = 'R',
    OP_BINUNICODE = 'X',
    OP_EMPTY_LIST = ']',
    OP_APPEND = 'a',
    OP_BUILD = 'b',
    OP_GLOBAL = 'c',
    OP_DICT = 'd',
    OP_APPENDS = 'e',
    OP_BINGET = 'h',
    OP_LONG_BINGET = 'j',
    OP_LIST = 'l',
    OP_BINPUT = 'q',
    OP_LONG_BINPUT = 'r',
    OP_SETITEM = 's',
    OP_TUPLE = 't',
    OP_EMPTY_TUPLE = ')',
    OP_SETITEMS = 'u',
    OP_EMPTY_DICT = '}',
    OP_PROTO = 0x80,
    OP_NEWOBJ = 0x81,
    OP_TUPLE1 = 0x85,
    OP_TUPLE2 = 0x86,
    OP_TUPLE3 = 0x87,
    OP_NEWTRUE = 0x88,
    OP_NEWFALSE = 0x89,
    OP_LONG1 = 0x8a,
    OP_SHORT_BINUNICODE = 0x8c,
    OP_EMPTY_SET = 0x8f,
    OP_ADDITEMS = 0x90,
    OP_FROZENSET = 0x91,
    OP_STACK_GLOBAL = 0x93,
    OP_MEMOIZE = 0x94,
    OP_FRAME = 0x95
};

typedef enum kind {
    SOMETHING = 0,
    MARK,
    TEXT,          /* a: offset */
    NUMBER,        /* a */
    STORAGE_CLASS, /* dtype */
    STORAGE_ID,    /* a: offset of the key, b: nelem, dtype */
    STORAGE,       /* a: the visitor's number */
    TENSOR_ARGUMENTS /* a tuple that begins with a STORAGE or a TENSOR; a as there */,
    TENSOR /* a as for STORAGE */
} kind;

typedef struct value {
    uint64_t a, b;
    uint32_t nbytes; /* of a text */
    uint8_t kind;
    uint8_t dtype;
} value;

typedef struct values {
    value *items;
    size_t count, capacity;
} values;

typedef struct scanner {
    zipllm_cursor cursor;
    const zipllm_pickle_visitor *visitor;
    values stack, memo;
    bool stopped;
} scanner;

static bool refuse(scanner *s, const char *reason)
{
    return zipllm_parse_fail(s->cursor.error, ZIPLLM_PARSE_REFUSED, s->cursor.pos, "%s", reason);
}

static bool append(scanner *s, values *v, value item)
{
    if (v->count == ZIPLLM_PICKLE_DEPTH_MAX)
        return refuse(s, "too many values");
    if (v->count == v->capacity) {
        size_t capacity = v->capacity == 0 ? 64 : 2 * v->capacity;
        value *grown = realloc(v->items, capacity * sizeof *grown);
        if (grown == NULL)
            return zipllm_parse_fail(s->cursor.error, ZIPLLM_PARSE_MEMORY, s->cursor.pos,
                                     "out of memory");
        v->items = grown;
        v->capacity = capacity;
    }
    v->items[v->count++] = item;
    return true;
}

static bool push(scanner *s, value item)
{
    return append(s, &s->stack, item);
}

static bool push_kind(scanner *s, kind k)
{
    return push(s, (value){.kind = (uint8_t)k});
}

/* The topmost n values, taken off; NULL: fewer are there. */
static const value *pop(scanner *s, size_t n)
{
    if (s->stack.count < n) {
        refuse(s, "the stack is empty");
        return NULL;
    }
    s->stack.count -= n;
    return s->stack.items + s->stack.count;
}

/* The values above the topmost mark; both are taken off. */
static const value *pop_to_mark(scanner *s, size_t *n)
{
    size_t i;

    for (i = s->stack.count; i > 0; i--) {
        if (s->stack.items[i - 1].kind != MARK)
            continue;
        *n = s->stack.count - i;
        s->stack.count = i - 1;
        return s->stack.items + i;
    }
    refuse(s, "no mark");
    return NULL;
}

static bool text_is(scanner *s, const value *v, const char *literal)
{
    char text[32];
    size_t nbytes = strlen(literal);
    const bitx_source *source = s->cursor.source;

    if (v->kind != TEXT || v->nbytes != nbytes || nbytes > sizeof text)
        return false;
    return source->read(source->user, v->a, text, nbytes) == 0 &&
           memcmp(text, literal, nbytes) == 0;
}

/* torch.FloatStorage and its like. */
static value class_of(const char *module, const char *name)
{
    static const struct {
        const char *name;
        bitx_dtype dtype;
    } classes[] = {{"FloatStorage", BITX_F32},     {"HalfStorage", BITX_F16},
                   {"BFloat16Storage", BITX_BF16}, {"DoubleStorage", BITX_F64},
                   {"LongStorage", BITX_I64},      {"IntStorage", BITX_I32},
                   {"ShortStorage", BITX_I16},     {"CharStorage", BITX_I8},
                   {"ByteStorage", BITX_U8},       {"BoolStorage", BITX_BOOL},
                   {"UntypedStorage", BITX_BYTES}, {"ComplexFloatStorage", BITX_C64}};
    size_t i;

    if (strncmp(module, "torch", 5) == 0 && (module[5] == '\0' || module[5] == '.'))
        for (i = 0; i < sizeof classes / sizeof classes[0]; i++)
            if (strcmp(name, classes[i].name) == 0)
                return (value){.kind = STORAGE_CLASS, .dtype = (uint8_t)classes[i].dtype};
    return (value){.kind = SOMETHING};
}

static bool read_line(scanner *s, char *line, size_t cap)
{
    size_t n = 0;
    uint8_t c;

    while (zipllm_cursor_u8(&s->cursor, &c)) {
        if (c == '\n') {
            line[n] = '\0';
            return true;
        }
        if (n + 1 < cap)
            line[n++] = (char)c; /* a longer one is none that we know */
    }
    return false;
}

static bool read_global(scanner *s)
{
    char module[64];
    char name[64];

    return read_line(s, module, sizeof module) && read_line(s, name, sizeof name) &&
           push(s, class_of(module, name));
}

static void load_text(scanner *s, const value *v, char *dst, size_t cap)
{
    const bitx_source *source = s->cursor.source;

    dst[0] = '\0';
    if (v->kind != TEXT || v->nbytes >= cap)
        return;
    if (source->read(source->user, v->a, dst, v->nbytes) != 0)
        return;
    dst[v->nbytes] = '\0';
}

static bool read_stack_global(scanner *s)
{
    char module[64];
    char name[64];
    const value *v = pop(s, 2);

    if (v == NULL)
        return false;
    load_text(s, &v[0], module, sizeof module);
    load_text(s, &v[1], name, sizeof name);
    return push(s, class_of(module, name));
}

static bool push_text(scanner *s, uint32_t nbytes)
{
    value v = {.kind = TEXT, .a = s->cursor.pos, .nbytes = nbytes};

    return zipllm_cursor_skip(&s->cursor, nbytes, 1) && push(s, v);
}

/* A whole number of nbytes bytes; negative ones are something. */
static bool push_number(scanner *s, size_t nbytes)
{
    unsigned char bytes[8] = {0};
    value v = {.kind = NUMBER};

    if (nbytes > sizeof bytes)
        return zipllm_cursor_skip(&s->cursor, nbytes, 1) && push_kind(s, SOMETHING);
    if (!zipllm_cursor_bytes(&s->cursor, bytes, nbytes))
        return false;
    memcpy(&v.a, bytes, sizeof bytes);
    if (nbytes >= 4 && (bytes[nbytes - 1] & 0x80) != 0)
        v = (value){.kind = SOMETHING};
    return push(s, v);
}

static value tuple_of(scanner *s, const value *v, size_t n)
{
    if (n == 5 && v[1].kind == STORAGE_CLASS && v[2].kind == TEXT && v[4].kind == NUMBER &&
        text_is(s, &v[0], "storage"))
        return (value){.kind = STORAGE_ID,
                       .a = v[2].a,
                       .b = v[4].a,
                       .nbytes = v[2].nbytes,
                       .dtype = v[1].dtype};
    if (n > 0 && (v[0].kind == STORAGE || v[0].kind == TENSOR))
        return (value){.kind = TENSOR_ARGUMENTS, .a = v[0].a};
    return (value){.kind = SOMETHING};
}

static bool make_tuple(scanner *s, const value *v, size_t n)
{
    return v != NULL && push(s, tuple_of(s, v, n));
}

static bool load_storage(scanner *s)
{
    const value *id = pop(s, 1);
    zipllm_pickle_text key;
    int64_t number;

    if (id == NULL)
        return false;
    if (id->kind != STORAGE_ID)
        return push_kind(s, SOMETHING);
    key = (zipllm_pickle_text){id->a, id->nbytes};
    number = s->visitor->storage(s->visitor->user, &key, (bitx_dtype)id->dtype, id->b);
    if (number < 0)
        return push_kind(s, SOMETHING);
    return push(s, (value){.kind = STORAGE, .a = (uint64_t)number});
}

/* Whatever is called with a storage or a tensor first is taken to give that tensor:
   torch._utils._rebuild_tensor_v2, _rebuild_parameter and their like. */
static bool reduce(scanner *s)
{
    const value *v = pop(s, 2);

    if (v == NULL)
        return false;
    if (v[1].kind == TENSOR_ARGUMENTS)
        return push(s, (value){.kind = TENSOR, .a = v[1].a});
    return push_kind(s, SOMETHING);
}

static bool set_items(scanner *s, const value *v, size_t n)
{
    size_t i;

    if (v == NULL)
        return false;
    for (i = 0; i + 1 < n; i += 2) {
        zipllm_pickle_text name = {v[i].a, v[i].nbytes};
        if (v[i].kind == TEXT && v[i + 1].kind == TENSOR)
            s->visitor->tensor(s->visitor->user, (int64_t)v[i + 1].a, &name);
    }
    return true;
}

static bool memo_put(scanner *s, uint64_t index)
{
    if (s->stack.count == 0)
        return refuse(s, "the stack is empty");
    if (index < s->memo.count) {
        s->memo.items[index] = s->stack.items[s->stack.count - 1];
        return true;
    }
    if (index != s->memo.count) /* picklers count up; anything else could claim any size */
        return refuse(s, "the memo has a hole");
    return append(s, &s->memo, s->stack.items[s->stack.count - 1]);
}

static bool memo_get(scanner *s, uint64_t index)
{
    if (index >= s->memo.count)
        return refuse(s, "the memo has no such entry");
    return push(s, s->memo.items[index]);
}

static bool step_sized(scanner *s, uint8_t op)
{
    uint8_t n8;
    uint32_t n32;

    switch (op) {
    case OP_LONG1:
        return zipllm_cursor_u8(&s->cursor, &n8) && push_number(s, n8);
    case OP_SHORT_BINUNICODE:
        return zipllm_cursor_u8(&s->cursor, &n8) && push_text(s, n8);
    case OP_BINUNICODE:
        return zipllm_cursor_u32(&s->cursor, &n32) && push_text(s, n32);
    case OP_SHORT_BINBYTES:
        return zipllm_cursor_u8(&s->cursor, &n8) && zipllm_cursor_skip(&s->cursor, n8, 1) &&
               push_kind(s, SOMETHING);
    case OP_BINBYTES:
        return zipllm_cursor_u32(&s->cursor, &n32) && zipllm_cursor_skip(&s->cursor, n32, 1) &&
               push_kind(s, SOMETHING);
    case OP_BINPUT:
        return zipllm_cursor_u8(&s->cursor, &n8) && memo_put(s, n8);
    case OP_LONG_BINPUT:
        return zipllm_cursor_u32(&s->cursor, &n32) && memo_put(s, n32);
    case OP_BINGET:
        return zipllm_cursor_u8(&s->cursor, &n8) && memo_get(s, n8);
    case OP_LONG_BINGET:
        return zipllm_cursor_u32(&s->cursor, &n32) && memo_get(s, n32);
    default:
        return refuse(s, "an opcode outside of what torch.save() writes");
    }
}

/* Containers: what is in them is forgotten, but for the values of dictionaries. */
static bool step_container(scanner *s, uint8_t op)
{
    const value *v;
    size_t n = 0;

    switch (op) {
    case OP_TUPLE:
        v = pop_to_mark(s, &n);
        return make_tuple(s, v, n);
    case OP_TUPLE1:
    case OP_TUPLE2:
    case OP_TUPLE3:
        n = (size_t)(op - OP_TUPLE1) + 1;
        return make_tuple(s, pop(s, n), n);
    case OP_SETITEM:
        return set_items(s, pop(s, 2), 2);
    case OP_SETITEMS:
        v = pop_to_mark(s, &n);
        return set_items(s, v, n);
    case OP_DICT:
        v = pop_to_mark(s, &n);
        return set_items(s, v, n) && push_kind(s, SOMETHING);
    case OP_LIST:
    case OP_FROZENSET:
        return pop_to_mark(s, &n) != NULL && push_kind(s, SOMETHING);
    case OP_APPENDS:
    case OP_ADDITEMS:
    case OP_POP_MARK:
        return pop_to_mark(s, &n) != NULL;
    case OP_APPEND:
    case OP_BUILD:
    case OP_POP:
        return pop(s, 1) != NULL;
    default:
        return step_sized(s, op);
    }
}

static bool step(scanner *s, uint8_t op)
{
    switch (op) {
    case OP_STOP:
        s->stopped = true;
        return true;
    case OP_PROTO:
        return zipllm_cursor_skip(&s->cursor, 1, 1);
    case OP_FRAME:
        return zipllm_cursor_skip(&s->cursor, 8, 1);
    case OP_MARK:
        return push_kind(s, MARK);
    case OP_NONE:
    case OP_NEWTRUE:
    case OP_NEWFALSE:
    case OP_EMPTY_LIST:
    case OP_EMPTY_DICT:
    case OP_EMPTY_TUPLE:
    case OP_EMPTY_SET:
        return push_kind(s, SOMETHING);
    case OP_BINFLOAT:
        return zipllm_cursor_skip(&s->cursor, 8, 1) && push_kind(s, SOMETHING);
    case OP_BININT:
        return push_number(s, 4);
    case OP_BININT2:
        return push_number(s, 2);
    case OP_BININT1:
        return push_number(s, 1);
    case OP_DUP:
        return s->stack.count > 0 ? push(s, s->stack.items[s->stack.count - 1])
                                  : refuse(s, "the stack is empty");
    case OP_GLOBAL:
        return read_global(s);
    case OP_STACK_GLOBAL:
        return read_stack_global(s);
    case OP_BINPERSID:
        return load_storage(s);
    case OP_REDUCE:
    case OP_NEWOBJ:
        return reduce(s);
    case OP_MEMOIZE:
        return memo_put(s, s->memo.count);
    default:
        return step_container(s, op);
    }
}

zipllm_parse_status zipllm_pickle_scan(const bitx_source *source, uint64_t begin, uint64_t end,
                                       const zipllm_pickle_visitor *visitor,
                                       zipllm_parse_error *error)
{
    unsigned char *window = malloc(ZIPLLM_CURSOR_WINDOW);
    scanner s = {.visitor = visitor};
    uint8_t op;

    zipllm_cursor_init(&s.cursor, source, begin, end, window, error);
    if (window == NULL)
        zipllm_parse_fail(error, ZIPLLM_PARSE_MEMORY, begin, "out of memory");
    else
        while (!s.stopped && zipllm_cursor_u8(&s.cursor, &op) && step(&s, op))
            continue;
    free(s.stack.items);
    free(s.memo.items);
    free(window);
    return error->status;
}
