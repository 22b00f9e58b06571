/* zipllm: finds the verb and runs it. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "signals.h"
#include "text.h"

/* In the order of --help. */
static const command *const COMMANDS[] = {
    &COMMAND_INIT,   &COMMAND_ADD,      &COMMAND_GET,    &COMMAND_LS,      &COMMAND_SHOW,
    &COMMAND_STAT,   &COMMAND_VERIFY,   &COMMAND_RM,     &COMMAND_GC,      &COMMAND_REPAIR,
    &COMMAND_TREE,   &COMMAND_DISTANCE, &COMMAND_REBASE, &COMMAND_INSPECT, &COMMAND_CAT,
    &COMMAND_ENCODE, &COMMAND_DECODE,
};
enum { NCOMMANDS = sizeof COMMANDS / sizeof COMMANDS[0] };

static const char USAGE[] = "usage: zipllm [-C DIR] COMMAND [OPTION...] [ARGUMENT...]\n";

static void print_help(void)
{
    size_t i;

    (void)fputs(USAGE, stdout);
    (void)fputs("Keeps a family of models in a fraction of its bytes, and gives every file back "
                "byte for byte.\n\nCommands:\n",
                stdout);
    for (i = 0; i < NCOMMANDS; i++)
        (void)printf("  %-10s %s\n", COMMANDS[i]->name, COMMANDS[i]->summary);
    (void)fputs("\nOptions of every command:\n", stdout);
    options_help(COMMON_SPECS);
    (void)fputs("      --version          print the version\n"
                "\n`zipllm COMMAND --help` explains one command and what it prints with --json.\n"
                "Exit status: 0 done, 1 error, 2 wrong usage, 3 done in part, 4 verification "
                "failed,\n5 store locked by another process.\n",
                stdout);
}

static void print_command_help(const command *c)
{
    (void)printf("usage: zipllm [-C DIR] %s [OPTION...]%s%s\n\n%s", c->name,
                 c->synopsis[0] != '\0' ? " " : "", c->synopsis, c->help);
    (void)fputs("\nOptions:\n", stdout);
    options_help(c->specs);
    options_help(COMMON_SPECS);
}

static const command *find_command(const char *name)
{
    const char *names[NCOMMANDS], *nearest;
    char *shown;
    size_t i;

    for (i = 0; i < NCOMMANDS; i++) {
        if (strcmp(COMMANDS[i]->name, name) == 0)
            return COMMANDS[i];
        names[i] = COMMANDS[i]->name;
    }
    nearest = options_nearest(name, names, NCOMMANDS);
    shown = text_escape(name);
    if (nearest != NULL)
        (void)fprintf(stderr, "zipllm: unknown command '%s'; did you mean '%s'?\n", shown, nearest);
    else
        (void)fprintf(stderr, "zipllm: unknown command '%s'; see zipllm --help\n", shown);
    free(shown);
    return NULL;
}

static zipllm_status check_operands(const command *c, const options *o)
{
    static const char *const messages[] = {"missing argument: zipllm %s %s\n",
                                           "too many arguments: zipllm %s %s\n"};

    if (o->noperands >= c->least && o->noperands <= c->most)
        return ZIPLLM_OK;
    (void)fprintf(stderr, "zipllm %s: ", c->name);
    (void)fprintf(stderr, messages[o->noperands > c->most], c->name, c->synopsis);
    return ZIPLLM_USAGE;
}

static zipllm_status run_command(const command *c, common_options common, int argc, char **argv)
{
    options o = {.common = common};
    zipllm_status status = ZIPLLM_USAGE;

    if (options_parse(&o, c->specs, argc, argv)) {
        if (o.common.help) {
            print_command_help(c);
            status = ZIPLLM_OK;
        } else {
            status = check_operands(c, &o);
            if (status == ZIPLLM_OK)
                status = c->run(&o);
        }
    }
    free(o.operands);
    return status;
}

static zipllm_status run(int argc, char **argv)
{
    common_options common = {0};
    const command *c;
    int verb;

    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        (void)printf("zipllm %s\n", zipllm_version());
        return ZIPLLM_OK;
    }
    verb = options_before_verb(&common, argc, argv);
    if (verb < 0)
        return ZIPLLM_USAGE;
    if (verb == argc && common.help) {
        print_help();
        return ZIPLLM_OK;
    }
    if (verb == argc) {
        (void)fputs(USAGE, stderr);
        (void)fputs("zipllm --help lists the commands.\n", stderr);
        return ZIPLLM_USAGE;
    }
    c = find_command(argv[verb]);
    return c != NULL ? run_command(c, common, argc - verb, argv + verb) : ZIPLLM_USAGE;
}

/* A reader that left (`zipllm ls | head`) is no error to speak of; a full disk is. */
static zipllm_status finish_output(zipllm_status status)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    int failed = fflush(stdout), reason = errno;

    if (failed == 0 && !ferror(stdout))
        return status;
    if (poll(&out, 1, 0) == 1 && (out.revents & POLLERR))
        signals_die_of_pipe();
    (void)fprintf(stderr, "zipllm: cannot write the output: %s\n",
                  strerror(failed != 0 ? reason : EIO));
    return status != ZIPLLM_OK ? status : ZIPLLM_ERROR;
}

int main(int argc, char **argv)
{
    zipllm_status status;

    signals_install();
    status = finish_output(run(argc, argv));
    if (status != ZIPLLM_OK)
        signals_reraise();
    return (int)status;
}
