#include "signals.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
    caught = number;
}

void signals_install(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal}, before;
    size_t i;

    sigemptyset(&action.sa_mask);
    /* SA_RESETHAND: a second Ctrl-C kills at once. SA_RESTART: the library sees no EINTR. */
    action.sa_flags = SA_RESTART | (int)SA_RESETHAND;
    for (i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            (void)sigaction(numbers[i], &action, NULL);
    /* A reader that leaves must not kill us between two steps of an add: see main(). */
    (void)signal(SIGPIPE, SIG_IGN);
}

bool signals_interrupted(void)
{
    return caught != 0;
}

static void die_of(int number)
{
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

void signals_reraise(void)
{
    if (caught != 0)
        die_of(caught);
}

void signals_die_of_pipe(void)
{
    die_of(SIGPIPE);
}
