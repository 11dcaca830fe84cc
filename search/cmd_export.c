#include "search/cmd_export.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/diag.h"
#include "engine/base/file.h"
#include "engine/stage.h"
#include "store/store.h"

static const size_t MOST_FILE = (size_t)256 << 20;

static struct {
    const char *version, *folder, *artifacts, *features, *optuna;
    bool c;
} given;

static const opt options[] = {
    {"pick", 'p', OPT_STRING, "VERSION", "the pick of this version, in place of a trial's number",
     0, 0, &given.version},
    {"out", 'o', OPT_STRING, "DIR", "folder for the files (default: trial-N)", 0, 0, &given.folder},
    {"artifacts", 0, OPT_STRING, "DIR",
     "folder of artifacts, where it is another one than the last run's", 0, 0, &given.artifacts},
    {"c", 0, OPT_FLAG, NULL,
     "write the model as C, too: model.h (with the file's bytes as an array) and model.c, network "
     "and "
     "front end for a device without TensorFlow Lite",
     0, 0, &given.c},
    {"features", 0, OPT_STRING, "SETTINGS",
     "with --c: the front end that the C computes, such as '{kind: mfcc, frame: 640}', in place of "
     "the one in the file's metadata",
     0, 0, &given.features},
    {"optuna", 0, OPT_STRING, "FILE",
     "write the whole study as an Optuna storage (SQLite), for optuna.load_study and "
     "optuna-dashboard; the file must be new",
     0, 0, &given.optuna},
    {0},
};

static const opt_spec spec = {
    .name = "export",
    .args = "STUDY.db [TRIAL] | FILE.tflite",
    .summary = "copy the .tflite file of a trial or a pick out of a study; turn one into C",
    .details =
        "Writes model.tflite, and packed as homeworks count it model.tflite.zlib (zlib.compress)\n"
        "and model.tflite.zip; where the trial's export.pack is one of zopfli's, these are "
        "zopfli's.\n"
        "The file is the one that was scored: its bytes are compared with\n"
        "the hash in the database. Give a trial's number, as query and report show it, or --pick.\n"
        "\n"
        "With --c, model.c computes the network in plain C11 (model_run) and, where the file says "
        "how\n"
        "its features are made, those (features_compute): static memory, no dependency but libm, "
        "the\n"
        "interpreter's numbers. --c takes any .tflite file, flat or packed, in place of a study.\n"
        "\n"
        "With --optuna every space of the study becomes an Optuna study of its objectives: knobs "
        "are\n"
        "parameters, all figures are user attributes, learning curves intermediate values.",
    .examples = "  paretune export demo.db --pick small --out small\n"
                "  paretune export demo.db 38 --c\n"
                "  paretune export model.tflite --c --out device\n"
                "  paretune export demo.db --optuna demo-optuna.db",
    .args_min = 1,
    .args_max = 2,
    .options = options,
};

static status parse_trial(const char *text, int64_t *out, err *e)
{
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (errno || end == text || *end || v < 1)
        return FAIL(e, ERR_INPUT,
                    "'%s' is not the number of a trial; a version's pick is --pick %s", text, text);
    *out = v;
    return OK;
}

static status unknown_version(const picks *all, arena *a, err *e)
{
    const char **names = ARENA_NEW(a, const char *, (size_t)all->n + 1);
    if (!names) return FAIL(e, ERR_MEM, "out of memory");
    for (int i = 0; i < all->n; i++) names[i] = all->pick[i].version;
    const char *meant = diag_did_you_mean(given.version, names, (size_t)all->n);
    return FAIL(e, ERR_INPUT, "--pick: the space has no version '%s'%s%s%s", given.version,
                meant ? "; did you mean '" : "", meant ? meant : "", meant ? "'?" : "");
}

static status find_pick(store *s, arena *a, int64_t *trial, err *e)
{
    picks all;
    TRY(picks_read(s, a, &all, e));
    for (int i = 0; i < all.n; i++) {
        const pick *p = &all.pick[i];
        if (strcmp(p->version, given.version) != 0) continue;
        if (!p->trial)
            return FAIL(e, ERR_INPUT, "version '%s' has no pick: no finished trial has all figures",
                        p->version);
        if (!p->met)
            fprintf(stderr, "note: trial %lld does not meet version '%s'\n", (long long)p->trial,
                    p->version);
        *trial = p->trial;
        return OK;
    }
    return unknown_version(&all, a, e);
}

/* The file's bytes, if they are those that were scored. */
static status read_model(const store_model *m, arena *a, char **bytes, size_t *n, err *e)
{
    const char *path = file_join(a, given.artifacts ? given.artifacts : m->folder, m->file);
    if (!path) return FAIL(e, ERR_MEM, "out of memory");
    if (!file_exists(path))
        return FAIL(e, ERR_INPUT,
                    "%s is gone; 'paretune run' on the study's space builds it again, and "
                    "--artifacts says where the folder is now",
                    path);
    TRY(file_read(a, path, MOST_FILE, bytes, n, e));
    hash found = hash_bytes(*bytes, *n);
    if (strcmp(found.text, m->content.text) == 0) return OK;
    return FAIL(e, ERR_INPUT,
                "%s is damaged: its bytes are not those that were scored; 'paretune run' on the "
                "study's space builds it again",
                path);
}

static status write_c(const char *folder, const char *bytes, size_t n, arena *a, err *e)
{
    node *features = NULL;
    if (given.features &&
        node_read_json(a, given.features, strlen(given.features), &features, e) != OK)
        return err_wrap(e, "--features");
    TRY(stage_write_c(folder, bytes, n, features, a, e));
    printf("wrote %s/model.h and %s/model.c\n", folder, folder);
    return OK;
}

/* A file of anybody's; the folder is named after it. */
static status export_file(const char *path, arena *a, err *e)
{
    char *bytes;
    size_t n;
    const char *name = file_name(path), *end = strstr(name, ".tflite");
    const char *folder =
        given.folder
            ? given.folder
            : arena_printf(a, "%.*s-c", (int)(end ? (size_t)(end - name) : strlen(name)), name);
    if (!folder) return FAIL(e, ERR_MEM, "out of memory");
    TRY(file_read(a, path, MOST_FILE, &bytes, &n, e));
    return write_c(folder, bytes, n, a, e) == OK ? OK : err_wrap(e, "%s", path);
}

static status write_model(int64_t trial, const store_model *m, const char *bytes, size_t n,
                          arena *a, err *e)
{
    node *params;
    const char *folder =
        given.folder ? given.folder : arena_printf(a, "trial-%lld", (long long)trial);
    const char *path = folder ? file_join(a, folder, "model.tflite") : NULL;
    if (!path) return FAIL(e, ERR_MEM, "out of memory");
    TRY(file_make_folder(folder, e));
    TRY(node_read_json(a, m->params, strlen(m->params), &params, e));
    TRY(stage_write_model(path, bytes, n, params, e));
    printf("trial %lld: wrote %s, %zu bytes, and packed as %s.zlib and %s.zip\n", (long long)trial,
           path, n, path, path);
    if (stage_keeps_state(bytes, n, a))
        fprintf(stderr, "note: %s\n",
                "an LSTM keeps its state between inferences in TensorFlow "
                "Lite; call reset_all_variables() before each");
    return given.c ? write_c(folder, bytes, n, a, e) : OK;
}

static status export(store *s, const char *number, arena *a, err *e)
{
    int64_t trial;
    store_model model;
    char *bytes;
    size_t n;
    if (number)
        TRY(parse_trial(number, &trial, e));
    else
        TRY(find_pick(s, a, &trial, e));
    TRY(store_find_model(s, trial, a, &model, e));
    TRY(read_model(&model, a, &bytes, &n, e));
    return write_model(trial, &model, bytes, n, a, e);
}

static status export_optuna(const char *path, err *e)
{
    store *s;
    optuna_written w;
    TRY(store_open(path, STORE_READ, &s, e));
    status st = store_write_optuna(s, given.optuna, &w, e);
    store_close(s);
    TRY(st);
    printf("wrote %s: %d trial%s in %d stud%s\n", given.optuna, w.trials, w.trials == 1 ? "" : "s",
           w.studies, w.studies == 1 ? "y" : "ies");
    return OK;
}

static status run(int n, char **argv, int *code, err *e)
{
    (void)code;
    store *s = NULL;
    arena a;
    status st;
    if (given.optuna && (n > 1 || given.version || given.c || given.folder))
        return FAIL(e, ERR_INPUT, "--optuna takes the whole study, and no other option");
    if (given.optuna) return export_optuna(argv[0], e);
    const bool is_file = given.c && n == 1 && !given.version;
    if (!is_file && (n > 1) == (given.version != NULL))
        return FAIL(
            e, ERR_INPUT,
            "give the number of a trial or --pick VERSION; a .tflite file becomes C by --c");
    if (given.features && !given.c) return FAIL(e, ERR_INPUT, "--features needs --c");
    arena_init(&a, 0);
    if (is_file)
        st = export_file(argv[0], &a, e);
    else if ((st = store_open(argv[0], STORE_READ, &s, e)) == OK)
        st = export(s, n > 1 ? argv[1] : NULL, &a, e);
    store_close(s);
    arena_free(&a);
    return st;
}

const command cmd_export = {&spec, run, false};
