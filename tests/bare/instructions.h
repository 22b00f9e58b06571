/* AVX-512 instructions, one by one against their definitions. */
#ifndef TESTS_BARE_INSTRUCTIONS_H
#define TESTS_BARE_INSTRUCTIONS_H

/* Prints those that are wrong. Returns how many of them the kernels run with (emulator.h). */
int check_instructions(void);

/* Of the last check. */
extern int instructions_wrong;

#endif
