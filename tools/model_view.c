#include "model_view.h"

#include "json.h"

void model_json(const zipllm_model *m)
{
    json_string("name", m->name);
    json_string("revision", m->revision);
    json_string("base", m->base);
    json_string("found", zipllm_found_name(m->found));
    json_int("added", m->added);
    json_uint("files", m->files);
    json_uint("tensors", m->tensors);
    json_uint("logical_bytes", m->logical_bytes);
    json_uint("stored_bytes", m->stored_bytes);
}
