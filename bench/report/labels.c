/* Greedy placing of names: the nearest of 40 places that is free; a thin line where that is far. */
#include "report/labels.h"

#include <math.h>
#include <stdlib.h>

#include "report/report.h"

#define SIZE 11.0 /* of the letters */
#define MARK 6.0  /* half a mark, with air */

typedef report_box box;

static int overlap(const box *a, const box *b)
{
    return a->left < b->right && b->left < a->right && a->top < b->bottom && b->top < a->bottom;
}

static int is_free(const box *b, const box *taken, size_t ntaken, const box *frame)
{
    if (b->left < frame->left || b->right > frame->right || b->top < frame->top ||
        b->bottom > frame->bottom)
        return 0;
    for (size_t i = 0; i < ntaken; i++)
        if (overlap(b, &taken[i]))
            return 0;
    return 1;
}

/* The box of a word whose nearest point is at `distance` from the mark in a direction. */
static box box_at(const report_label *l, double distance, double angle)
{
    double width = svg_text_width(l->text, SIZE), dx = cos(angle), dy = sin(angle);
    double x = l->x + distance * dx, y = l->y + distance * dy;
    double left = dx > 0.3 ? x : dx < -0.3 ? x - width : x - width / 2;
    double middle = y + (fabs(dx) > 0.3 ? 0 : dy > 0 ? SIZE / 2 : -SIZE / 2);
    return (box){left, middle - SIZE * 0.52, left + width, middle + SIZE * 0.52};
}

static int place(const report_label *l, const box *taken, size_t ntaken, const box *frame, box *out,
                 int *far)
{
    static const double distances[] = {9, 14, 22, 32, 44};
    /* Right, left, then up and down in between. */
    static const double angles[] = {
        0, M_PI, -M_PI / 4, M_PI / 4, -3 * M_PI / 4, 3 * M_PI / 4, -M_PI / 2, M_PI / 2};
    for (size_t d = 0; d < sizeof(distances) / sizeof(distances[0]); d++)
        for (size_t a = 0; a < sizeof(angles) / sizeof(angles[0]); a++) {
            *out = box_at(l, distances[d], angles[a]);
            *far = d > 1;
            if (is_free(out, taken, ntaken, frame))
                return 1;
        }
    return 0;
}

size_t report_labels(FILE *f, const report_label *labels, size_t n, const report_box *obstacles,
                     size_t nobstacles, const report_box *frame)
{
    box *taken = malloc((2 * n + nobstacles + 1) * sizeof(*taken));
    size_t ntaken = 0, missing = 0;
    if (!taken)
        abort();
    for (size_t i = 0; i < n; i++)
        taken[ntaken++] =
            (box){labels[i].x - MARK, labels[i].y - MARK, labels[i].x + MARK, labels[i].y + MARK};
    for (size_t i = 0; i < nobstacles; i++)
        taken[ntaken++] = obstacles[i];
    for (size_t i = 0; i < n; i++) {
        box b;
        int far;
        if (!place(&labels[i], taken, ntaken, frame, &b, &far)) {
            missing++;
            continue;
        }
        taken[ntaken++] = b;
        if (far) {
            double x = labels[i].x < b.left    ? b.left - 1
                       : labels[i].x > b.right ? b.right + 1
                                               : labels[i].x;
            svg_line(f, "n", labels[i].x, labels[i].y, x,
                     x == labels[i].x ? (labels[i].y < b.top ? b.top : b.bottom)
                                      : (b.top + b.bottom) / 2);
        }
        svg_text(f, b.left, b.bottom - SIZE * 0.2, 's', labels[i].class, labels[i].text);
    }
    free(taken);
    return missing;
}
