/* bench/commands.h: the subcommands. Each returns the exit code: 0; 1 a check failed; 2 usage or
   input; 3 the machine is unfit;
   4 nothing slower, but not all was measured and decided. */
#ifndef BENCH_COMMANDS_H
#define BENCH_COMMANDS_H

int bench_cmd_env(int argc, char **argv);
int bench_cmd_topo(int argc, char **argv);
int bench_cmd_roofline(int argc, char **argv);
int bench_cmd_kernel(int argc, char **argv);
int bench_cmd_cells(int argc, char **argv);
int bench_cmd_codec(int argc, char **argv);
int bench_cmd_numa(int argc, char **argv);
int bench_cmd_scale(int argc, char **argv);
int bench_cmd_store(int argc, char **argv);
int bench_cmd_report(int argc, char **argv);
int bench_cmd_selftest(int argc, char **argv);
int bench_cmd_ab(int argc, char **argv);
int bench_cmd_count(int argc, char **argv);
int bench_cmd_gate(int argc, char **argv);
/* No command given: environment and summary. */
int bench_cmd_summary(void);

#endif
