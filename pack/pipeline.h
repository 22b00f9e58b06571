/*
 * pipeline.h: what the files of the pipeline share: pipeline.c (steps), pipeline_jobs.c (what their
 * jobs do) and pipeline_frames.c (where coded blocks go).
 *
 * One pass over parts of a file, on all workers. The executor is a parallel-for, so the pipeline is
 * cut into steps; one step's jobs are: read window k+1, take SHA-256 and XXH3 of window k, write
 * the payloads of window k-1, decode the bases of the tensors that begin in window k+1 and plan
 * them, and code or compare the blocks of window k. Long serial jobs come first, so that the blocks
 * fill up the other workers.
 */
#ifndef ZIPLLM_PIPELINE_H
#define ZIPLLM_PIPELINE_H

#include <openssl/evp.h>

#include "base_blocks.h"
#include "hash.h"
#include "ingest.h"
#include "sketch.h"
#include "stored.h"

enum { ZIPLLM_UNITS_MAX = 256, ZIPLLM_READS_MAX = 16 };

/* The frame of one tensor while it is coded. */
typedef struct zipllm_coding {
    bitx_plan *plan;
    bitx_geometry geometry;
    zipllm_stored *bases[ZIPLLM_PARENTS_MAX]; /* of the task, in the order of the plan */
    unsigned nbases;
    bool adapted; /* the task's factors are bases too, behind these */
    bitx_block *rows;
    zipllm_pack_writer *writer;
    uint64_t offset; /* of the frame */
    uint64_t check;
    uint8_t *header;
    zipllm_fault fault; /* of the plan */
    zipllm_kept_blocks kept;
} zipllm_coding;

/* One block of one part. */
typedef struct zipllm_unit {
    zipllm_task *task;
    uint64_t index;  /* of the block */
    uint64_t offset; /* in the file */
    size_t at;       /* in the window's input, and of its payload in the output */
    size_t nbytes;
    bool last; /* of its part */
    bitx_block block;
    uint64_t sum; /* of the payload */
    bool different;
    zipllm_fault fault;
} zipllm_unit;

typedef struct zipllm_write_record {
    zipllm_pack_writer *writer;
    uint64_t offset;
    const uint8_t *bytes;
    size_t nbytes;
} zipllm_write_record;

/* What came of reading a piece of a window. */
typedef struct zipllm_read {
    bool failed;
    int os_errno; /* 0: the file is shorter */
    uint64_t offset;
} zipllm_read;

typedef struct zipllm_window {
    uint8_t *input, *output;
    size_t used;
    zipllm_unit units[ZIPLLM_UNITS_MAX];
    unsigned nunits;
    zipllm_write_record writes[2 * ZIPLLM_UNITS_MAX];
    unsigned nwrites;
    uint8_t *headers[ZIPLLM_UNITS_MAX]; /* freed once written */
    unsigned nheaders;
    zipllm_read reads[ZIPLLM_READS_MAX];
    unsigned nreads;
    size_t read_nbytes; /* of a piece */
} zipllm_window;

/* A block of a base to decode ahead. */
typedef struct zipllm_base_job {
    zipllm_unit *unit; /* the first block of the tensor */
    uint64_t index;
    bool failed;
} zipllm_base_job;

typedef struct zipllm_pipeline {
    zipllm_ingest *in;
    zipllm_store *store;
    size_t window_nbytes;
    zipllm_window *windows[3]; /* being read, being coded, being written */
    EVP_MD_CTX *sha;
    XXH3_state_t *seeded, *plain;
    zipllm_sketcher sketcher; /* of the part being hashed */
    zipllm_base_blocks base_blocks;

    const zipllm_pass *pass;
    zipllm_task *task; /* the part being cut into units */
    uint64_t cut;      /* bytes of it that are */
    bool ended;

    /* The step's jobs and what came of the serial ones. */
    zipllm_unit *plans[ZIPLLM_UNITS_MAX]; /* the first block of each tensor to plan */
    unsigned nplans;
    zipllm_base_job *bases;
    size_t nbases, bases_cap;
    bool sha_failed;
    int write_errno;
    const zipllm_pack_writer *write_failed;
} zipllm_pipeline;

/* One step; a window may be NULL. The serial jobs are filled in by zipllm_pipeline_jobs(). */
typedef enum zipllm_serial_job {
    ZIPLLM_JOB_SHA,
    ZIPLLM_JOB_WRITE,
    ZIPLLM_JOB_HASH,
    ZIPLLM_SERIAL_JOBS
} zipllm_serial_job;

typedef struct zipllm_step {
    zipllm_pipeline *p;
    zipllm_window *reading, *coding, *writing;
    zipllm_serial_job serial[ZIPLLM_SERIAL_JOBS];
    unsigned nserial;
} zipllm_step;

/* Runs the jobs of a step; what came of them is in the pipeline and in the units. */
void zipllm_pipeline_jobs(zipllm_step *step);

/* Gives a coded block its place; frames lie one after the other, in the order of their parts. */
ZIPLLM_WARN_UNUSED zipllm_status zipllm_pipeline_place(zipllm_pipeline *p, zipllm_window *w,
                                                       const zipllm_unit *u);

#endif
