/* Steal and pressure over a run. */
#include "bench/disturb.h"

#include "bench/clock.h"

static void read_stat(bench_disturb *d)
{
    FILE *f = fopen("/proc/stat", "r");
    double x[8];
    d->total_ticks = 0;
    if (f && fscanf(f, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &x[0], &x[1], &x[2], &x[3], &x[4],
                    &x[5], &x[6], &x[7]) == 8) {
        d->steal_ticks = x[7];
        for (int i = 0; i < 8; i++)
            d->total_ticks += x[i];
    }
    if (f)
        fclose(f);
}

void bench_disturb_read(bench_disturb *d)
{
    d->wall_ns = bench_wall_ns();
    read_stat(d);
    d->pressure_us = -1;
    FILE *f = fopen("/proc/pressure/cpu", "r");
    double total;
    if (f && fscanf(f, "some avg10=%*f avg60=%*f avg300=%*f total=%lf", &total) == 1)
        d->pressure_us = total;
    if (f)
        fclose(f);
}

void bench_disturb_since(const bench_disturb *before, double *steal, double *pressure)
{
    bench_disturb now;
    bench_disturb_read(&now);
    double ticks = now.total_ticks - before->total_ticks, ns = now.wall_ns - before->wall_ns;
    *steal = before->total_ticks > 0 && ticks > 0
                 ? 100 * (now.steal_ticks - before->steal_ticks) / ticks
                 : -1;
    *pressure = before->pressure_us >= 0 && ns > 0
                    ? 100 * 1e3 * (now.pressure_us - before->pressure_us) / ns
                    : -1;
}

void bench_disturb_print(const bench_disturb *before, FILE *out)
{
    double steal, pressure;
    bench_disturb_since(before, &steal, &pressure);
    fprintf(out, "this run took %.0f s; meanwhile steal ",
            (bench_wall_ns() - before->wall_ns) / 1e9);
    if (steal < 0)
        fputs("n/a", out);
    else
        fprintf(out, "%.1f%%", steal);
    fputs(", time in which some task waited for a CPU ", out);
    if (pressure < 0)
        fputs("n/a\n", out);
    else
        fprintf(out, "%.0f%%\n", pressure);
}
