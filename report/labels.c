#include "report/labels.h"

#include "report/svg.h"

#include <math.h>

static bool touches(const rectangle *a, const rectangle *b)
{
    return a->left < b->right && b->left < a->right && a->top < b->bottom && b->top < a->bottom;
}

static bool is_inside(const rectangle *a, const rectangle *frame)
{
    return a->left >= frame->left && a->right <= frame->right && a->top >= frame->top &&
           a->bottom <= frame->bottom;
}

/* The box of a text whose mark lies at distance `gap` in direction (dx, dy), each of -1, 0, 1. */
static rectangle box_at(const label *l, double size, int dx, int dy, double gap)
{
    double width = svg_text_width(l->text, size) * 0.95, height = size * 1.05;
    double diagonal = dx && dy ? 0.75 : 1;
    double x = l->x + dx * (l->r + gap) * diagonal, y = l->y + dy * (l->r + gap) * diagonal;
    x -= dx < 0 ? width : dx == 0 ? width / 2 : 0;
    y -= dy < 0 ? height : dy == 0 ? height / 2 : 0;
    return (rectangle){x, y, x + width, y + height};
}

static bool is_free(const label *l, int own, int n, const rectangle *box, const label_room *room)
{
    if (!is_inside(box, &room->frame)) return false;
    for (int i = 0; i < room->n_taken; i++)
        if (touches(box, &room->taken[i])) return false;
    for (int i = 0; i < n; i++) {
        const rectangle mark = {l[i].x - l[i].r, l[i].y - l[i].r, l[i].x + l[i].r, l[i].y + l[i].r};
        if (i != own && touches(box, &mark)) return false;
        if (i < own && l[i].placed && touches(box, &l[i].at)) return false;
    }
    return true;
}

static int count_covered(const rectangle *box, const label_room *room)
{
    int n = 0;
    for (int i = 0; i < room->n_points; i++) {
        double x = room->point[2 * i], y = room->point[2 * i + 1];
        n += x > box->left - 2 && x < box->right + 2 && y > box->top - 2 && y < box->bottom + 2;
    }
    return n;
}

static void place(label *l, int own, int n, const label_room *room)
{
    static const int way[][2] = {{1, -1}, {-1, -1}, {1, 0},  {-1, 0},
                                 {1, 1},  {-1, 1},  {0, -1}, {0, 1}};
    static const double gaps[] = {2, 6, 12, 20, 32, 48};
    const int side = l[own].leftwards ? -1 : 1;
    double best = (double)INFINITY;
    l[own].placed = false;
    for (int g = 0; g < 6; g++)
        for (int i = 0; i < 8; i++) {
            rectangle box = box_at(&l[own], room->size, side * way[i][0], way[i][1], gaps[g]);
            if (!is_free(l, own, n, &box, room)) continue;
            double cost = 4 * count_covered(&box, room) + 0.2 * gaps[g] + 0.05 * i;
            if (cost >= best) continue;
            best = cost;
            l[own].placed = true;
            l[own].leads = gaps[g] > 6;
            l[own].at = box;
        }
}

void labels_place(label *l, int n, const label_room *room)
{
    for (int i = 0; i < n; i++) place(l, i, n, room);
}

static double clamp(double v, double low, double high)
{
    return v < low ? low : v > high ? high : v;
}

void labels_draw(buf *b, const label *l, int n, const char *class, double size)
{
    for (int i = 0; i < n; i++) {
        if (!l[i].placed || !l[i].leads) continue;
        double x = clamp(l[i].x, l[i].at.left, l[i].at.right);
        double y = clamp(l[i].y, l[i].at.top, l[i].at.bottom), away = hypot(x - l[i].x, y - l[i].y);
        double share = away > 0 ? l[i].r / away : 0;
        svg_line(b, "lead", l[i].x + (x - l[i].x) * share, l[i].y + (y - l[i].y) * share, x, y);
    }
    for (int i = 0; i < n; i++)
        if (l[i].placed)
            svg_text(b, class, l[i].at.left, l[i].at.top + 0.85 * size, "start", l[i].text);
}
