/* Writes a model's directory: weights, index, config, tokenizer and card. */
#ifndef DATASETS_MODEL_FILES_H
#define DATASETS_MODEL_FILES_H

#include "family.h"

/*
 * Makes DIR/PREFIX-SUFFIX and its files. Nothing that exists is overwritten. 0, or -1 after a
 * message to stderr that names the file.
 */
int model_write(const family *f, const model *m, const char *dir);

#endif
