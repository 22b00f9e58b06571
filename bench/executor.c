/* A pool of threads: each run() hands out indices from an atomic counter. */
#include "bench/executor.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct bench_executor {
    unsigned nthreads, nstarted;
    pthread_t *threads;
    pthread_mutex_t lock;
    pthread_cond_t start, done;
    uint64_t generation;
    unsigned nworking, next_worker;
    int stop;
    bitx_job job;
    void *arg;
    size_t n;
    atomic_size_t next;
};

static void work(bench_executor *e, unsigned worker)
{
    size_t i;
    while ((i = atomic_fetch_add(&e->next, 1)) < e->n)
        e->job(e->arg, i, worker);
}

static void *thread_main(void *arg)
{
    bench_executor *e = arg;
    uint64_t seen = 0;
    pthread_mutex_lock(&e->lock);
    unsigned worker = e->next_worker++;
    while (!e->stop) {
        if (e->generation == seen) {
            pthread_cond_wait(&e->start, &e->lock);
            continue;
        }
        seen = e->generation;
        pthread_mutex_unlock(&e->lock);
        work(e, worker);
        pthread_mutex_lock(&e->lock);
        if (--e->nworking == 0)
            pthread_cond_signal(&e->done);
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

static void run(void *user, bitx_job job, void *arg, size_t n)
{
    bench_executor *e = user;
    pthread_mutex_lock(&e->lock);
    e->job = job;
    e->arg = arg;
    e->n = n;
    atomic_store(&e->next, 0);
    e->nworking = e->nstarted;
    e->generation++;
    pthread_cond_broadcast(&e->start);
    pthread_mutex_unlock(&e->lock);
    work(e, 0);
    pthread_mutex_lock(&e->lock);
    while (e->nworking)
        pthread_cond_wait(&e->done, &e->lock);
    pthread_mutex_unlock(&e->lock);
}

bench_executor *bench_executor_new(unsigned nthreads)
{
    bench_executor *e = calloc(1, sizeof(*e));
    if (!e)
        return NULL;
    e->nthreads = nthreads;
    e->next_worker = 1; /* 0 is the caller */
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->start, NULL);
    pthread_cond_init(&e->done, NULL);
    e->threads = calloc(nthreads, sizeof(*e->threads));
    while (e->threads && e->nstarted + 1 < nthreads &&
           pthread_create(&e->threads[e->nstarted], NULL, thread_main, e) == 0)
        e->nstarted++;
    if (e->threads && e->nstarted + 1 == nthreads)
        return e;
    bench_executor_free(e);
    return NULL;
}

void bench_executor_free(bench_executor *e)
{
    if (!e)
        return;
    pthread_mutex_lock(&e->lock);
    e->stop = 1;
    pthread_cond_broadcast(&e->start);
    pthread_mutex_unlock(&e->lock);
    for (unsigned i = 0; i < e->nstarted; i++)
        pthread_join(e->threads[i], NULL);
    pthread_mutex_destroy(&e->lock);
    pthread_cond_destroy(&e->start);
    pthread_cond_destroy(&e->done);
    free(e->threads);
    free(e);
}

bitx_executor bench_executor_handle(bench_executor *e)
{
    return (bitx_executor){run, e, e->nthreads};
}
