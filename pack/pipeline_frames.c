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
    if (coding->geometry.base_nbytes != 0) {
        fresh->parent = task->with->row;
        fresh->row.parent = fresh->parent.id;
    }
    fresh->coded = true;
    fresh->pass = p->in->pass;
    zipllm_pack_entry entry = {.offset = fresh->row.offset,
                               .length = fresh->row.length,
                               .nbytes = fresh->row.nbytes,
                               .check = fresh->row.check,
                               .ordinal = fresh->row.ordinal,
                               .dtype = fresh->row.dtype,
                               .nparents = fresh->parent.id != 0,
                               .parent_ordinal = fresh->parent.ordinal,
                               .parent_nbytes = fresh->parent.nbytes};
    memcpy(entry.hash, fresh->row.hash, sizeof entry.hash);
    memcpy(entry.plain, fresh->row.plain, sizeof entry.plain);
    memcpy(entry.parent_hash, fresh->parent.hash, sizeof entry.parent_hash);
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
