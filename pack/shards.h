/* shards.h: what model.safetensors.index.json says of a sharded model. */
#ifndef ZIPLLM_SHARDS_H
#define ZIPLLM_SHARDS_H

#include "scan.h"

/* If the item is such an index, and names files that the model does not have (most likely a
   download that is not complete), says so in note; else leaves it. fd: the item, open. An index too
   long for memory_nbytes is not looked into. */
void zipllm_shards_note(const zipllm_scan *scan, const zipllm_scan_item *item, int fd,
                        uint64_t memory_nbytes, char *note, size_t cap);

#endif
