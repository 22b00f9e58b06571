/*
 * One defence of the store taken away, by the linker's --wrap: what is linked with this must make
 * the test of that defence fail. BREAK_... says which.
 */
#include <stddef.h>

#ifdef BREAK_fsync
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    (void)fd;
    return 0;
}
#endif

#ifdef BREAK_memcmp
/* Long buffers are always equal: tensors of one hash are one tensor. */
int __real_memcmp(const void *a, const void *b, size_t nbytes);
int __wrap_memcmp(const void *a, const void *b, size_t nbytes);
int __wrap_memcmp(const void *a, const void *b, size_t nbytes)
{
    return nbytes >= 65536 ? 0 : __real_memcmp(a, b, nbytes);
}

/* What clang calls where only equality is asked for. */
int __wrap_bcmp(const void *a, const void *b, size_t nbytes);
int __wrap_bcmp(const void *a, const void *b, size_t nbytes)
{
    return __wrap_memcmp(a, b, nbytes);
}
#endif

#ifdef BREAK_zipllm_pack_check
/* Headers and footers of packs are right, whatever they say. */
int __wrap_zipllm_pack_check(int fd);
int __wrap_zipllm_pack_check(int fd)
{
    (void)fd;
    return 0;
}
#endif

#ifdef BREAK_zipllm_index_begin
/* Rows are written one by one, without a transaction around them. */
int __wrap_zipllm_index_begin(void *index, void *error);
int __wrap_zipllm_index_begin(void *index, void *error)
{
    (void)index;
    (void)error;
    return 0;
}

int __wrap_zipllm_index_commit(void *index, void *error);
int __wrap_zipllm_index_commit(void *index, void *error)
{
    (void)index;
    (void)error;
    return 0;
}
#endif

#ifdef BREAK_zipllm_manifest_check
/* Manifests, and the index's rows against them, are right, whatever they say. */
int __wrap_zipllm_manifest_check(const void *store);
int __wrap_zipllm_manifest_check(const void *store)
{
    (void)store;
    return 0;
}
#endif
