#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORKERS_MAX = 1024 };

typedef struct worker {
    pool *owner;
    unsigned number;
    pthread_t thread;
} worker;

struct pool {
    pthread_mutex_t mutex;
    pthread_cond_t start, done;
    /* Under the mutex. A round is one run(); workers wait for its number to change. */
    unsigned long round;
    unsigned running; /* threads still in this round */
    bool stop;
    bitx_job job;
    void *arg;
    size_t n;
    atomic_size_t next; /* index to take */
    unsigned nthreads;  /* that were started, the caller not among them */
    worker workers[];
};

static void take_jobs(pool *p, unsigned number)
{
    size_t i;

    while ((i = atomic_fetch_add_explicit(&p->next, 1, memory_order_relaxed)) < p->n)
        p->job(p->arg, i, number);
}

static void *work(void *arg)
{
    worker *self = arg;
    pool *p = self->owner;
    unsigned long seen = 0;

    pthread_mutex_lock(&p->mutex);
    for (;;) {
        while (p->round == seen && !p->stop)
            pthread_cond_wait(&p->start, &p->mutex);
        if (p->stop)
            break;
        seen = p->round;
        pthread_mutex_unlock(&p->mutex);
        take_jobs(p, self->number);
        pthread_mutex_lock(&p->mutex);
        if (--p->running == 0)
            pthread_cond_signal(&p->done);
    }
    pthread_mutex_unlock(&p->mutex);
    return NULL;
}

static void run(void *user, bitx_job job, void *arg, size_t n)
{
    pool *p = user;

    if (n == 0)
        return;
    if (n == 1 || p->nthreads == 0) {
        size_t i;
        for (i = 0; i < n; i++)
            job(arg, i, 0);
        return;
    }
    pthread_mutex_lock(&p->mutex);
    p->job = job;
    p->arg = arg;
    p->n = n;
    atomic_store_explicit(&p->next, 0, memory_order_relaxed);
    p->running = p->nthreads;
    p->round++;
    pthread_cond_broadcast(&p->start);
    pthread_mutex_unlock(&p->mutex);
    take_jobs(p, 0);
    pthread_mutex_lock(&p->mutex);
    while (p->running > 0)
        pthread_cond_wait(&p->done, &p->mutex);
    pthread_mutex_unlock(&p->mutex);
}

pool *pool_new(unsigned nthreads)
{
    pool *p;
    sigset_t all, before;
    unsigned i;

    if (nthreads > WORKERS_MAX)
        nthreads = WORKERS_MAX;
    p = calloc(1, sizeof *p + nthreads * sizeof p->workers[0]);
    if (p == NULL)
        return NULL;
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->start, NULL);
    pthread_cond_init(&p->done, NULL);
    /* Signals are for the main thread. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (i = 1; i < nthreads; i++) {
        worker *w = &p->workers[p->nthreads];
        *w = (worker){.owner = p, .number = p->nthreads + 1};
        if (pthread_create(&w->thread, NULL, work, w) != 0)
            break;
        p->nthreads++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return p;
}

void pool_free(pool *p)
{
    unsigned i;

    if (p == NULL)
        return;
    pthread_mutex_lock(&p->mutex);
    p->stop = true;
    pthread_cond_broadcast(&p->start);
    pthread_mutex_unlock(&p->mutex);
    for (i = 0; i < p->nthreads; i++)
        pthread_join(p->workers[i].thread, NULL);
    pthread_cond_destroy(&p->done);
    pthread_cond_destroy(&p->start);
    pthread_mutex_destroy(&p->mutex);
    free(p);
}

bitx_executor pool_executor(pool *p)
{
    return (bitx_executor){run, p, p->nthreads + 1};
}

/* ---- how many ---------------------------------------------------------------------------------
 */

/* CPUs by the quota of a cgroup v2 file cpu.max ("MAX PERIOD" in microseconds); 0: no limit. */
static unsigned quota_of(const char *path)
{
    FILE *f = fopen(path, "re");
    long long quota, period;
    unsigned cpus = 0;

    if (f == NULL)
        return 0;
    if (fscanf(f, "%lld %lld", &quota, &period) == 2 && quota > 0 && period > 0)
        cpus = (unsigned)((quota + period - 1) / period);
    (void)fclose(f);
    return cpus;
}

/* The smallest quota on the way from our cgroup to the root; 0: none. */
static unsigned cgroup_quota(void)
{
    FILE *f = fopen("/proc/self/cgroup", "re");
    char line[1024], path[1200], *group = NULL, *slash;
    unsigned smallest = 0, cpus;

    if (f == NULL)
        return 0;
    while (group == NULL && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, "0::/", 4) == 0)
            group = line + 3;
    (void)fclose(f);
    if (group == NULL)
        return 0;
    group[strcspn(group, "\n")] = '\0';
    for (;;) {
        (void)snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", group);
        cpus = quota_of(path);
        if (cpus != 0 && (smallest == 0 || cpus < smallest))
            smallest = cpus;
        slash = strrchr(group, '/');
        if (slash == NULL)
            return smallest;
        *slash = '\0';
    }
}

unsigned pool_usable_cpus(void)
{
    cpu_set_t set;
    unsigned cpus = 1, quota = cgroup_quota();

    if (sched_getaffinity(0, sizeof set, &set) == 0)
        cpus = (unsigned)CPU_COUNT(&set);
    if (quota != 0 && quota < cpus)
        cpus = quota;
    return cpus == 0 ? 1 : cpus;
}
