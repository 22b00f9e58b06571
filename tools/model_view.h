/* The facts of a model that several verbs print. */
#ifndef ZIPLLM_TOOLS_MODEL_VIEW_H
#define ZIPLLM_TOOLS_MODEL_VIEW_H

#include "zipllm.h"

/* The members of a model inside a JSON object that is open. */
void model_json(const zipllm_model *m);

#endif
