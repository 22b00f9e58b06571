/* bench/commands.h: the subcommands. Each returns the exit code: 0, 1 a check failed, 2 usage. */
#ifndef BENCH_COMMANDS_H
#define BENCH_COMMANDS_H

int bench_cmd_codec(int argc, char **argv);
int bench_cmd_kernel(int argc, char **argv);
int bench_cmd_selftest(int argc, char **argv);

#endif
