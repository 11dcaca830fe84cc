#include "engine/tflite/cmd_inspect.h"

#include "engine/base/file.h"
#include "engine/base/table.h"
#include "engine/tflite/facts.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *shown = "all", *format = "table";

static const opt options[] = {
    {.name = "show",
     .letter = 's',
     .type = OPT_STRING,
     .arg = "WHAT",
     .value = &shown,
     .help =
         "summary, operators, tensors, parts, metadata or all; where it is left out, csv and json "
         "show the summary"},
    {.name = "format",
     .type = OPT_STRING,
     .arg = "FORMAT",
     .value = &format,
     .help = "table, csv or json"},
    {0},
};

static const opt_spec spec = {
    .name = "inspect",
    .args = "FILE...",
    .summary = "show what is in .tflite files and why they are as large as they are",
    .details =
        "Files may be flat, zlib streams or zips with one entry. Each byte of a file belongs to "
        "one\n"
        "part, and so does each bit of the packed file: `packed` is what a part costs in the "
        "stream as\n"
        "given, or, of a flat file, in its zlib stream at level 6. Multiply-adds and activation "
        "memory\n"
        "are those of paretune's interpreter. csv and json give one table for all files, with a "
        "row\n"
        "for each file, operator, tensor or part. A file that cannot be read is named on standard\n"
        "error, the others are shown, and the exit code is 2.",
    .examples = "  paretune inspect model.tflite\n"
                "  paretune inspect model.tflite.zlib --show parts\n"
                "  paretune inspect submissions/* --format csv > submissions.csv",
    .args_min = 1,
    .args_max = 100000,
    .options = options,
};

/* A section: its columns, and what fills its rows from one file. */
typedef struct {
    const char *name;
    struct {
        const char *name, *unit;
    } column[16];
    status (*fill)(table *t, const char *path, const model_facts *f, err *e);
} section;

static status no_memory(err *e)
{
    return FAIL(e, ERR_MEM, "out of memory for a table");
}

/* A whole number, in full to people, too; NaN is no value. */
static cell whole_of(arena *a, double v)
{
    const char *text = isnan(v) ? NULL : arena_printf(a, "%.0f", v);
    return text ? cell_shown(v, text) : cell_number(v);
}

/* Bytes to people with one place, to programs with their eighths. */
static cell bits_of(arena *a, uint64_t bits)
{
    const double bytes = (double)bits / 8;
    const char *text = arena_printf(a, "%.1f", bytes);
    return text ? cell_shown(bytes, text) : cell_number(bytes);
}

static cell percent_of(arena *a, double share, double whole)
{
    const double v = whole > 0 ? 100 * share / whole : (double)NAN;
    const char *text = isnan(v) ? NULL : arena_printf(a, "%.1f", v);
    return text ? cell_shown(v, text) : cell_number(v);
}

static status fill_summary(table *t, const char *path, const model_facts *f, err *e)
{
    cell *c = table_row(t);
    if (!c) return no_memory(e);
    c[0] = cell_text(path);
    c[1] = cell_text(f->form == PACK_FLAT ? "flat" : pack_names[f->form]);
    c[2] = whole_of(t->a, (double)f->given_bytes);
    c[3] = whole_of(t->a, (double)f->n_flat);
    c[4] = whole_of(t->a, (double)f->parts.packed);
    c[5] = whole_of(t->a, (double)f->n_weights);
    c[6] = percent_of(t->a, (double)f->n_zeros, (double)f->n_weights);
    c[7] = whole_of(t->a, (double)f->parts.piece_bytes[PIECE_DATA]);
    c[8] = whole_of(t->a, (double)(f->n_flat - f->parts.piece_bytes[PIECE_DATA]));
    c[9] = whole_of(t->a, f->total_macs);
    c[10] = whole_of(t->a, f->arena_bytes);
    c[11] = cell_number(f->g.n_ops);
    c[12] = cell_number(f->g.n_tensors);
    return OK;
}

/* Shapes of tensors, by a list of their indexes. */
static const char *shapes(arena *a, const tfl_graph *g, const int *list, int n)
{
    const char *text = arena_string(a, "");
    for (int i = 0; i < n && text; i++) {
        const char *one = list[i] < 0 ? "-" : facts_shape(a, &g->tensor[list[i]]);
        text = one ? arena_printf(a, "%s%s%s", text, i ? " " : "", one) : NULL;
    }
    return text;
}

static const char *indexes(arena *a, const int *list, int n)
{
    const char *text = arena_string(a, "");
    for (int i = 0; i < n && text; i++)
        text = list[i] < 0 ? arena_printf(a, "%s%s-", text, i ? " " : "")
                           : arena_printf(a, "%s%s%d", text, i ? " " : "", list[i]);
    return text;
}

static status fill_operators(table *t, const char *path, const model_facts *f, err *e)
{
    for (int i = 0; i < f->g.n_ops; i++) {
        const tfl_op *op = &f->g.op[i];
        char name[24];
        const char *in = indexes(t->a, op->in, op->n_in), *out = indexes(t->a, op->out, op->n_out);
        const char *from = shapes(t->a, &f->g, op->in, op->n_in < 2 ? op->n_in : 2);
        const char *to = shapes(t->a, &f->g, op->out, op->n_out);
        const char *what = arena_string(t->a, tfl_op_name(op->code, name));
        cell *c = table_row(t);
        if (!c || !in || !out || !from || !to || !what) return no_memory(e);
        c[0] = cell_text(path);
        c[1] = cell_number(i);
        c[2] = cell_text(what);
        c[3] = cell_number(op->version);
        c[4] = cell_text(in);
        c[5] = cell_text(from);
        c[6] = cell_text(out);
        c[7] = cell_text(to);
        c[8] = whole_of(t->a, f->macs[i]);
    }
    return OK;
}

static const char *quantization(arena *a, const tfl_quant *q)
{
    if (q->n == 0) return "";
    if (q->n == 1)
        return arena_printf(a, "%.6g (%lld)", (double)q->scale[0], (long long)q->zero_point[0]);
    float least = q->scale[0], most = q->scale[0];
    for (int i = 1; i < q->n; i++) {
        least = fminf(least, q->scale[i]);
        most = fmaxf(most, q->scale[i]);
    }
    return arena_printf(a, "%d along dimension %d: %.3g to %.3g", q->n, q->axis, (double)least,
                        (double)most);
}

static bool is_listed(const int *list, int n, int i)
{
    for (int k = 0; k < n; k++)
        if (list[k] == i) return true;
    return false;
}

static const char *role_of(const tfl_graph *g, int i)
{
    if (g->tensor[i].data) return "constant";
    if (g->tensor[i].is_variable) return "state";
    if (is_listed(g->in, g->n_in, i)) return "input";
    return is_listed(g->out, g->n_out, i) ? "output" : "activation";
}

static status fill_tensors(table *t, const char *path, const model_facts *f, err *e)
{
    for (int i = 0; i < f->g.n_tensors; i++) {
        const tfl_tensor *x = &f->g.tensor[i];
        const tensor_facts *v = &f->tensor[i];
        const char *shape = facts_shape(t->a, x), *quant = quantization(t->a, &x->quant);
        cell *c = table_row(t);
        if (!c || !shape || !quant) return no_memory(e);
        c[0] = cell_text(path);
        c[1] = cell_number(i);
        c[2] = cell_text(role_of(&f->g, i));
        c[3] = cell_text(tfl_type_name(x->type));
        c[4] = cell_text(shape);
        if (x->quant.n) c[5] = cell_text(quant);
        if (x->name[0]) c[10] = cell_text(x->name);
        if (!v->is_constant) continue;
        c[6] = percent_of(t->a, (double)v->n_zeros, (double)v->n);
        c[7] = whole_of(t->a, (double)v->n_distinct);
        c[8] = whole_of(t->a, (double)f->parts.tensor_bytes[i]);
        c[9] = bits_of(t->a, f->parts.tensor_bits[i]);
    }
    return OK;
}

static status put_part(table *t, const char *path, const char *name, const anatomy *p, size_t bytes,
                       uint64_t bits, err *e)
{
    cell *c = table_row(t);
    if (!c) return no_memory(e);
    c[0] = cell_text(path);
    c[1] = cell_text(name);
    c[2] = whole_of(t->a, (double)bytes);
    c[3] = percent_of(t->a, (double)bytes, (double)p->flat);
    c[4] = bits_of(t->a, bits);
    c[5] = percent_of(t->a, (double)bits, 8 * (double)p->packed);
    return OK;
}

static status fill_parts(table *t, const char *path, const model_facts *f, err *e)
{
    const anatomy *p = &f->parts;
    for (int i = 0; i < N_PIECES; i++)
        if (p->piece_bytes[i] || p->piece_bits[i])
            TRY(put_part(t, path, anatomy_piece_name((piece)i), p, p->piece_bytes[i],
                         p->piece_bits[i], e));
    return put_part(t, path, "all", p, p->flat, 8 * (uint64_t)p->packed, e);
}

/* Text that travels in the file, such as the front end's settings. */
static status fill_metadata(table *t, const char *path, const model_facts *f, err *e)
{
    if (!f->g.metadata) return OK;
    const char *text = f->g.metadata;
    size_t n = 0;
    while (n < f->g.metadata_bytes && text[n]) n++;
    const char *copy = arena_copy(t->a, text, n);
    cell *c = table_row(t);
    if (!c || !copy) return no_memory(e);
    c[0] = cell_text(path);
    c[1] = cell_text(f->g.metadata_name);
    c[2] = whole_of(t->a, (double)f->g.metadata_bytes);
    c[3] = cell_text(copy);
    return OK;
}

static const section sections[] = {
    {"summary",
     {{"file", ""},
      {"form", ""},
      {"bytes", "B"},
      {"flat", "B"},
      {"packed", "B"},
      {"weights", ""},
      {"zeros", "%"},
      {"values", "B"},
      {"container", "B"},
      {"macs", ""},
      {"arena", "B"},
      {"operators", ""},
      {"tensors", ""}},
     fill_summary},
    {"operators",
     {{"file", ""},
      {"i", ""},
      {"operator", ""},
      {"version", ""},
      {"inputs", ""},
      {"of shape", ""},
      {"outputs", ""},
      {"shape", ""},
      {"macs", ""}},
     fill_operators},
    {"tensors",
     {{"file", ""},
      {"i", ""},
      {"role", ""},
      {"type", ""},
      {"shape", ""},
      {"scale (zero point)", ""},
      {"zeros", "%"},
      {"distinct", ""},
      {"bytes", "B"},
      {"packed", "B"},
      {"name", ""}},
     fill_tensors},
    {"parts",
     {{"file", ""},
      {"part", ""},
      {"bytes", "B"},
      {"share", "%"},
      {"packed", "B"},
      {"packed share", "%"}},
     fill_parts},
    {"metadata", {{"file", ""}, {"name", ""}, {"bytes", "B"}, {"text", ""}}, fill_metadata},
};
enum { N_SECTIONS = sizeof sections / sizeof *sections };

static status begin_table(table *t, arena *a, const section *s, err *e)
{
    int n = 0;
    while (s->column[n].name) n++;
    TRY(table_init(t, a, n, e));
    for (int i = 0; i < n; i++) table_column(t, i, s->column[i].name, s->column[i].unit);
    return OK;
}

/* For people the file's name, the first column, stands above all tables. */
static status print_table(const table *t, err *e)
{
    table u;
    if (t->n_rows == 0) return OK;
    TRY(table_init(&u, t->a, t->n_columns - 1, e));
    for (int i = 1; i < t->n_columns; i++) table_column(&u, i - 1, t->name[i], t->unit[i]);
    for (int r = 0; r < t->n_rows; r++) {
        cell *row = table_row(&u);
        if (!row) return no_memory(e);
        memcpy(row, t->cells + r * t->n_columns + 1, sizeof *row * (size_t)u.n_columns);
    }
    printf("\n");
    return table_print(&u, FORMAT_TABLE, stdout, e);
}

static status print_file(const char *path, const model_facts *f, arena *a, err *e)
{
    printf("%s\n", path);
    for (int i = 0; i < N_SECTIONS; i++) {
        table t;
        if (strcmp(shown, "all") != 0 && strcmp(shown, sections[i].name) != 0) continue;
        TRY(begin_table(&t, a, &sections[i], e));
        TRY(sections[i].fill(&t, path, f, e));
        TRY(print_table(&t, e));
    }
    printf("\n");
    return OK;
}

static status print_rows(table_stream *stream, const section *s, const char *path,
                         const model_facts *f, arena *a, err *e)
{
    table t;
    assert(s); /* "all" is for tables only */
    TRY(begin_table(&t, a, s, e));
    TRY(s->fill(&t, path, f, e));
    return table_stream_row(stream, &t, e);
}

static status read_facts(const char *path, arena *a, model_facts *f, err *e)
{
    char *bytes;
    size_t n;
    TRY(file_read(a, path, PACK_MOST_BYTES, &bytes, &n, e));
    return facts_of(a, bytes, n, f, e);
}

static status find_section(table_format form, const section **out, err *e)
{
    const char *name = form != FORMAT_TABLE && strcmp(shown, "all") == 0 ? "summary" : shown;
    *out = NULL;
    for (int i = 0; i < N_SECTIONS; i++)
        if (strcmp(name, sections[i].name) == 0) *out = &sections[i];
    if (*out || strcmp(name, "all") == 0) return OK;
    return FAIL(e, ERR_INPUT,
                "--show %s: it is one of summary, operators, tensors, parts, metadata, all", shown);
}

static void complain(const char *path, const err *why)
{
    const bool named = strncmp(why->msg, path, strlen(path)) == 0;
    fprintf(stderr, "paretune inspect: %s%s%s\n", named ? "" : path, named ? "" : ": ", why->msg);
}

/* One file, whose memory is given back behind it; one that cannot be read is only named. */
static status show_file(const char *path, const section *s, table_stream *stream, int *code,
                        arena *a, err *e)
{
    arena_mark_t mark = arena_mark(a);
    model_facts f;
    err why = {0};
    status st = read_facts(path, a, &f, &why);
    if (st != OK) {
        complain(path, &why);
        *code = st == ERR_INPUT ? 2 : 1;
        st = OK;
    } else {
        if (f.refusal) fprintf(stderr, "note: %s does not run here: %s\n", path, f.refusal);
        st = stream->format == FORMAT_TABLE ? print_file(path, &f, a, e)
                                            : print_rows(stream, s, path, &f, a, e);
    }
    arena_release(a, mark);
    return st;
}

static status show(int n, char **paths, table_format form, int *code, arena *a, err *e)
{
    const section *s;
    table_stream stream = {.format = form, .f = stdout};
    table t;
    TRY(find_section(form, &s, e));
    status st = s ? begin_table(&t, a, s, e) : OK;
    for (int i = 0; i < n && st == OK; i++) st = show_file(paths[i], s, &stream, code, a, e);
    if (st == OK && form != FORMAT_TABLE) st = table_stream_end(&stream, &t, e);
    table_stream_free(&stream);
    return st;
}

static status run(int n, char **argv, int *code, err *e)
{
    table_format form;
    arena a;
    TRY(table_format_parse(format, &form, e));
    arena_init(&a, 0);
    status s = show(n, argv, form, code, &a, e);
    arena_free(&a);
    return s;
}

const command cmd_inspect = {.spec = &spec, .run = run};
