/* bench/isolated.h: a check in a process of its own, since what it calls may crash or hang. */
#ifndef BENCH_ISOLATED_H
#define BENCH_ISOLATED_H

/* check(arg)'s answer, NULL or a string literal of this program; else "WRONG: crashes" or "WRONG:
   hangs" (a minute). */
const char *bench_isolated(const char *(*check)(void *arg), void *arg);

#endif
