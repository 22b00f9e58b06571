/* Where coded blocks go: frames in packs, and the footer's entry of each. */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "pipeline.h"

static void put_write(zipllm_window *w, zipllm_pack_writer *writer, uint64_t offset,
                      const uint8_t *bytes, size_t nbytes)
{
    if (nbytes != 0)
        w->writes[w->nwrites++] = (zipllm_write_record){writer, offset, bytes, nbytes};
}

static void name_parents(const zipllm_task *task, zipllm_fresh *fresh)
{
    const zipllm_coding *coding = task->coding;
    fresh->row.nparents = coding->nbases + (coding->adapted ? 2 : 0);
    fresh->row.predictor = bitx_plan_predictor(coding->plan);
    for (unsigned k = 0; k < fresh->row.nparents; k++) {
        const zipllm_stored *parent =
            k < coding->nbases ? coding->bases[k] : task->factors[k - coding->nbases];
        const unsigned depth = parent->row.depth + 1;
        fresh->parents[k] = parent->row.id;
        fresh->row.depth = depth > fresh->row.depth ? depth : fresh->row.depth;
    }
    fresh->row.parent = fresh->parents[0];
}

/* The last block is coded: the header, which the next write takes, and the footer's entry. */
static zipllm_status finish_frame(zipllm_pipeline *p, zipllm_window *w, const zipllm_task *task)
{
    zipllm_coding *coding = task->coding;
    const size_t nbytes = (size_t)coding->geometry.header_nbytes;
    uint8_t *header = malloc(nbytes);
    if (header == NULL)
        return zipllm_fail_memory(p->in->error, nbytes);
    w->headers[w->nheaders++] = header;
    const bitx_status written = bitx_header_write(coding->plan, header, nbytes, coding->rows);
    if (written != BITX_OK)
        return zipllm_fail(p->in->error, ZIPLLM_ERROR, p->pass->shown, task->part->offset, 0, "%s",
                           bitx_status_name(written));
    put_write(w, coding->writer, coding->offset, header, nbytes);

    zipllm_fresh *fresh = &p->in->fresh[task->fresh - 1];
    fresh->writer = coding->writer;
    fresh->row.offset = coding->offset;
    fresh->row.length = coding->writer->size - coding->offset;
    fresh->row.check = zipllm_check_fold(coding->check, zipllm_check_sum(header, nbytes));
    fresh->row.dtype = (uint32_t)task->part->dtype;
    memcpy(fresh->row.plain, task->plain, sizeof fresh->row.plain);
    name_parents(task, fresh);
    fresh->coded = true;
    fresh->pass = p->in->pass;
    const zipllm_tensor_row *first = coding->nbases != 0 ? &coding->bases[0]->row : NULL;
    const zipllm_pack_entry entry = zipllm_pack_entry_of(&fresh->row, first);
    return zipllm_pack_enter(coding->writer, &entry, p->in->error);
}

zipllm_status zipllm_pipeline_place(zipllm_pipeline *p, zipllm_window *w, const zipllm_unit *u)
{
    zipllm_coding *coding = u->task->coding;
    if (u->index == 0) {
        const zipllm_status status = zipllm_ingest_writer(p->in, &coding->writer);
        if (status != ZIPLLM_OK)
            return status;
        coding->offset = coding->writer->size;
        coding->writer->size += coding->geometry.header_nbytes;
    }
    coding->rows[u->index] = u->block;
    coding->check = zipllm_check_fold(coding->check, u->sum);
    put_write(w, coding->writer, coding->writer->size, w->output + u->at, u->block.payload_nbytes);
    coding->writer->size += u->block.payload_nbytes;
    return u->last ? finish_frame(p, w, u->task) : ZIPLLM_OK;
}
