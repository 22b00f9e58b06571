/*
 * torchzip.h: where the storages of a PyTorch .bin or .pt file lie (the ZIP format of torch.save()
 * since 1.6). Nothing is unpickled: members PREFIX/data/KEY are ranges of the file, and data.pkl is
 * walked for their types and the names of their tensors (pickle.h), which may stay unknown.
 *
 * A storage is the bytes of one tensor where each tensor was saved by itself, as it is in model
 * files: such a storage is equal to the tensor of that name in a safetensors file.
 */
#ifndef ZIPLLM_TORCHZIP_H
#define ZIPLLM_TORCHZIP_H

#include "cursor.h"

enum { ZIPLLM_TORCH_NAME_MAX = 1024 };

typedef struct zipllm_torch_storage {
    uint64_t begin, end; /* in the file */
    uint64_t name_offset;
    uint64_t key_offset; /* of KEY, in the central directory */
    uint64_t key_hash;
    uint16_t key_nbytes;
    uint16_t name_nbytes; /* of the first tensor in it; 0: unknown, the key serves */
    uint8_t dtype;        /* bitx_dtype; BITX_BYTES when unknown */
} zipllm_torch_storage;

typedef struct zipllm_torchzip {
    zipllm_torch_storage *storages; /* by rising offsets, without overlaps, holes between them */
    size_t nstorages;
    size_t npacked; /* members of data/ that are compressed: they are not among the storages */
    /* Why the walk of data.pkl ended early; status ZIPLLM_PARSE_OK when it did not. */
    zipllm_parse_error pickle;
} zipllm_torchzip;

/*
 * ZIPLLM_PARSE_OK: *torch is filled (zipllm_torchzip_free()). ZIPLLM_PARSE_OTHER: not a ZIP
 * archive, or one without PREFIX/data.pkl. Otherwise *error says why.
 */
BITX_WARN_UNUSED zipllm_parse_status zipllm_torchzip_parse(const bitx_source *source,
                                                           uint64_t file_nbytes,
                                                           zipllm_torchzip *torch,
                                                           zipllm_parse_error *error);
void zipllm_torchzip_free(zipllm_torchzip *torch);

/* The tensor's name, or "data/KEY" where it is unknown, and a NUL; dst has ZIPLLM_TORCH_NAME_MAX +
   1 bytes. False when the source fails. */
BITX_WARN_UNUSED bool zipllm_torchzip_name(const bitx_source *source,
                                           const zipllm_torch_storage *storage, char *dst);

#endif
