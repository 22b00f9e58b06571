/* instructions.c on this CPU: exits 1 if anything is wrong. */
#include "instructions.h"

#include <stdio.h>

int main(void)
{
    (void)check_instructions();
    printf("%d instructions wrong on this CPU\n", instructions_wrong);
    return instructions_wrong != 0;
}
