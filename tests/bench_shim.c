/*
 * LD_PRELOAD for bench_cli.sh and numa-vm.sh: memory that is not where it was asked for.
 *     SHIM_NUMA=report   move_pages(2) finds one page of those asked for on another node
 *     SHIM_NUMA=ignore   mbind(2) succeeds and binds nothing, so pages go where they are touched
 */
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

long mbind(void *start, unsigned long nbytes, int mode, const unsigned long *mask,
           unsigned long nmask, unsigned flags);
long move_pages(int pid, unsigned long count, void **pages, const int *nodes, int *status,
                int flags);

static int shim_is(const char *what)
{
    const char *asked = getenv("SHIM_NUMA");
    return asked && strcmp(asked, what) == 0;
}

long mbind(void *start, unsigned long nbytes, int mode, const unsigned long *mask,
           unsigned long nmask, unsigned flags)
{
    if (shim_is("ignore"))
        return 0;
    return syscall(SYS_mbind, start, nbytes, mode, mask, nmask, flags);
}

long move_pages(int pid, unsigned long count, void **pages, const int *nodes, int *status,
                int flags)
{
    long result = syscall(SYS_move_pages, pid, count, pages, nodes, status, flags);
    if (shim_is("report") && result == 0 && count > 0)
        status[count - 1]++;
    return result;
}
