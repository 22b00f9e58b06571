/* bitx-bench report: results of other subcommands as one HTML page. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/commands.h"
#include "report/report.h"

static const char usage[] =
    "usage: bitx-bench report RUN.json... -o FILE.html [options]\n\n"
    "  -o FILE       the page: one file, no scripts, nothing from the network ('-': standard "
    "output)\n"
    "  --run NAME    the files after this belong to one run of this name, shown beside the "
    "others'\n"
    "  --title TEXT  of the page\n\n"
    "Files are what --json of the other subcommands wrote. Without --run, those of one machine "
    "and\n"
    "revision are one run. The first run is what the others are compared with.\n"
    "Exit code: 0; 2 no page was made; 4 the page was made, and something was left out (each told "
    "in\n"
    "one line, and on the page).\n";

static const struct {
    const char *id, *name;
    int (*write)(FILE *f, const report *r);
} sections[] = {{"changes", "Run against run", section_changes},
                {"codecs", "Coders", section_codecs},
                {"kernels", "Kernels", section_kernels},
                {"roofline", "Memory", section_roofline},
                {"scale", "Threads", section_scale},
                {"numa", "Memory nodes", section_numa},
                {"bits", "Bits changed", section_bits},
                {"others", "Other results", section_others},
                {"environment", "Environment", section_overview},
                {"absent", "No number", section_absent}};
enum { NSECTIONS = sizeof(sections) / sizeof(sections[0]) };

/* The sections go to memory first: the page's links name those that there are. */
static int write_page(FILE *f, const report *r, const char *title)
{
    char *text[NSECTIONS] = {NULL};
    size_t nbytes[NSECTIONS];
    int shown[NSECTIONS], status = 0;
    for (size_t i = 0; i < NSECTIONS; i++) {
        FILE *memory = open_memstream(&text[i], &nbytes[i]);
        if (!memory)
            abort();
        shown[i] = sections[i].write(memory, r);
        if (fclose(memory) != 0)
            abort();
    }
    page_begin(f, r, title);
    fputs("<nav>", f);
    for (size_t i = 0; i < NSECTIONS; i++)
        if (shown[i])
            fprintf(f, "<a href=\"#%s\">%s</a> ", sections[i].id, sections[i].name);
    fputs("</nav>\n<main>\n", f);
    for (size_t i = 0; i < NSECTIONS; i++) {
        if (shown[i] && fwrite(text[i], 1, nbytes[i], f) != nbytes[i])
            status = -1;
        free(text[i]);
    }
    fputs("</main>\n", f);
    page_end(f);
    return ferror(f) ? -1 : status;
}

static int write_file(const report *r, const char *path, const char *title)
{
    int is_stdout = strcmp(path, "-") == 0;
    FILE *f = is_stdout ? stdout : fopen(path, "w");
    int failed = !f;
    if (f) {
        failed = write_page(f, r, title) != 0;
        failed |= (is_stdout ? fflush(f) : fclose(f)) != 0;
    }
    if (failed)
        fprintf(stderr, "bitx-bench report: %s: %s\n", path, strerror(errno));
    return failed ? 2 : 0;
}

static int run(report *r, int argc, char **argv)
{
    const char *out = NULL, *title = "bitx-bench report", *name = NULL;
    int nfiles = 0;
    for (int i = 1; i < argc; i++) {
        const char **value = strcmp(argv[i], "-o") == 0        ? &out
                             : strcmp(argv[i], "--title") == 0 ? &title
                             : strcmp(argv[i], "--run") == 0   ? &name
                                                               : NULL;
        if (value && i + 1 < argc) {
            *value = argv[++i];
        } else if (value) {
            fprintf(stderr, "bitx-bench report: %s needs a value\n", argv[i]);
            return 2;
        } else if (argv[i][0] == '-' && argv[i][1]) {
            fprintf(stderr, "bitx-bench report: unknown argument '%s' (see --help)\n", argv[i]);
            return 2;
        } else {
            (void)report_read(r, argv[i], name);
            nfiles++;
        }
    }
    if (!out || !nfiles) {
        fprintf(stderr, "bitx-bench report: %s (see --help)\n",
                out ? "no files to read" : "no -o FILE");
        return 2;
    }
    if (r->nruns == 0) {
        fprintf(stderr, "bitx-bench report: nothing to show; %s was not written\n", out);
        return 2;
    }
    report_name_runs(r);
    int status = write_file(r, out, title);
    return status ? status : r->nrefused ? 4 : 0;
}

int bench_cmd_report(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(usage, stdout);
            return 0;
        }
    report r;
    memset(&r, 0, sizeof(r));
    int status = run(&r, argc, argv);
    report_free(&r);
    return status;
}
