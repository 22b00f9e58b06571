/*
 * adapter.h: LoRA adapters that are models of the store, as what others were merged from. PEFT
 * names the matrices of X.weight base_model.model.X.lora_A.weight (rank x columns) and
 * ...lora_B.weight (rows x rank), in adapter_model.safetensors.
 */
#ifndef ZIPLLM_ADAPTER_H
#define ZIPLLM_ADAPTER_H

#include "ingest.h"

/* Sets part->adapter for the tensors of a file whose bases are chosen: those of the adapter that
   explains most of the changes of some of them. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_adapter_for(zipllm_ingest *in,
                                                    const zipllm_ingest_file *file);
/* Opens them for the task. Without them where they are gone or damaged. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_adapter_open(zipllm_ingest *in, const zipllm_part *part,
                                                     zipllm_task *task);
/* Frees what zipllm_ingest holds for this. */
void zipllm_adapter_forget(zipllm_ingest *in);

#endif
