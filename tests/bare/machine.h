/* A PC without an operating system: what libc.c needs of it. */
#ifndef TESTS_BARE_MACHINE_H
#define TESTS_BARE_MACHINE_H

/* To the first serial port. */
void bare_put(char c);

/* Says the exit code, and switches the machine off. */
_Noreturn void bare_exit(int code);

#endif
