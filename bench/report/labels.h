/* bench/report/labels.h: names beside marks, moved so that none lies on another. */
#ifndef BENCH_REPORT_LABELS_H
#define BENCH_REPORT_LABELS_H

#include <stdio.h>

typedef struct report_label {
    double x, y; /* of the mark */
    const char *text;
    const char *class;
} report_label;

/* Where no name may lie. */
typedef struct report_box {
    double left, top, right, bottom;
} report_box;

/* Places in the order given, within the frame; what finds no place is left out. How many those are.
 */
size_t report_labels(FILE *f, const report_label *labels, size_t n, const report_box *obstacles,
                     size_t nobstacles, const report_box *frame);

#endif
