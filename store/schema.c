#include "store/schema.h"
#include "engine/base/buf.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Text of step 1. Every table is STRICT; every column says what it holds and in which unit. */
static const char *const first_step[] = {
    "CREATE TABLE spaces ( -- search spaces that the study was run with, one row per text\n"
    "  id INTEGER PRIMARY KEY, -- number of the space\n"
    "  name TEXT NOT NULL, -- file name without folder and .yaml\n"
    "  task TEXT NOT NULL, -- forecast, ...\n"
    "  path TEXT NOT NULL, -- file it was read from, as given\n"
    "  text TEXT NOT NULL, -- YAML as run, architectures appended\n"
    "  text_hash TEXT NOT NULL UNIQUE, -- XXH3-128 of text, 32 hexadecimal digits\n"
    "  added_at TEXT NOT NULL -- UTC, ISO 8601\n"
    ") STRICT",
    "CREATE TABLE knobs ( -- axes of a space\n"
    "  space_id INTEGER NOT NULL REFERENCES spaces, -- space\n"
    "  position INTEGER NOT NULL, -- order in the space, from 0\n"
    "  name TEXT NOT NULL, -- as in filters and columns\n"
    "  PRIMARY KEY (space_id, position)\n"
    ") STRICT, WITHOUT ROWID",
    "CREATE TABLE versions ( -- named sets of limits\n"
    "  space_id INTEGER NOT NULL REFERENCES spaces, -- space\n"
    "  position INTEGER NOT NULL, -- order in the space, from 0\n"
    "  name TEXT NOT NULL, -- a, b, c\n"
    "  title TEXT NOT NULL, -- one line for people, may be empty\n"
    "  PRIMARY KEY (space_id, position)\n"
    ") STRICT, WITHOUT ROWID",
    "CREATE TABLE limits ( -- limits of a version\n"
    "  space_id INTEGER NOT NULL, -- space\n"
    "  version INTEGER NOT NULL, -- position of the version\n"
    "  position INTEGER NOT NULL, -- order in the version, from 0\n"
    "  metric TEXT NOT NULL, -- what is limited\n"
    "  op TEXT NOT NULL CHECK (op IN ('<', '<=', '>', '>=')), -- figure op bound\n"
    "  bound REAL NOT NULL, -- in the metric's unit\n"
    "  text TEXT NOT NULL, -- as written: < 2 kB\n"
    "  PRIMARY KEY (space_id, version, position),\n"
    "  FOREIGN KEY (space_id, version) REFERENCES versions\n"
    ") STRICT, WITHOUT ROWID",
    "CREATE TABLE objectives ( -- what the front trades off\n"
    "  space_id INTEGER NOT NULL REFERENCES spaces, -- space\n"
    "  position INTEGER NOT NULL, -- order in the space, from 0\n"
    "  metric TEXT NOT NULL, -- name of the metric\n"
    "  direction TEXT NOT NULL CHECK (direction IN ('minimize', 'maximize')), -- which is better\n"
    "  PRIMARY KEY (space_id, position)\n"
    ") STRICT, WITHOUT ROWID",
    "CREATE TABLE metrics ( -- figures that stages report\n"
    "  id INTEGER PRIMARY KEY, -- order of columns\n"
    "  name TEXT NOT NULL UNIQUE, -- without suffix: validation part; _test: test part\n"
    "  unit TEXT NOT NULL, -- of every value of it: °C, %, B, ms, s; empty for a plain number\n"
    "  better TEXT NOT NULL CHECK (better IN ('lower', 'higher', 'neither')), -- direction\n"
    "  help TEXT NOT NULL -- one sentence\n"
    ") STRICT",
    "CREATE TABLE runs ( -- invocations of paretune run, and what made their numbers\n"
    "  id INTEGER PRIMARY KEY, -- number of the run\n"
    "  space_id INTEGER NOT NULL REFERENCES spaces, -- space that was run\n"
    "  started_at TEXT NOT NULL, -- UTC, ISO 8601\n"
    "  ended_at TEXT, -- UTC, ISO 8601; NULL while it runs or when it was killed\n"
    "  ending TEXT, -- how it ended: done, interrupted, ...; NULL as ended_at\n"
    "  version TEXT NOT NULL, -- of paretune\n"
    "  compiler TEXT NOT NULL, -- that built it\n"
    "  cpu TEXT NOT NULL, -- model name\n"
    "  kernels TEXT NOT NULL, -- instruction set of our kernels\n"
    "  blas TEXT NOT NULL, -- library and its kernel\n"
    "  system TEXT NOT NULL, -- operating system\n"
    "  workers INTEGER NOT NULL -- worker processes\n"
    ") STRICT",
    "CREATE TABLE stages ( -- units of work; the same key always means the same bytes\n"
    "  id INTEGER PRIMARY KEY, -- number of the stage\n"
    "  key TEXT NOT NULL UNIQUE, -- hash of kind, code version, params and parents' keys\n"
    "  kind TEXT NOT NULL, -- data, train, export, score\n"
    "  version INTEGER NOT NULL, -- of the code of this kind\n"
    "  params TEXT NOT NULL, -- canonical JSON; of data stages with the hash of the file read\n"
    "  state TEXT NOT NULL DEFAULT 'ready'\n"
    "    CHECK (state IN ('ready', 'running', 'done', 'failed', 'timeout')), -- where it stands\n"
    "  tries INTEGER NOT NULL DEFAULT 0, -- attempts so far\n"
    "  run_id INTEGER REFERENCES runs, -- run of the last attempt: provenance\n"
    "  artifact_bytes INTEGER, -- B, of its artifact\n"
    "  artifact_hash TEXT, -- of the artifact's bytes\n"
    "  cpu_seconds REAL, -- s of processor time of the last attempt\n"
    "  wall_seconds REAL, -- s by the clock of the last attempt\n"
    "  ended_at TEXT, -- UTC, ISO 8601, of the last attempt\n"
    "  error_code TEXT, -- failed, timeout: kind of failure\n"
    "  error_text TEXT, -- failed, timeout: what happened\n"
    "  detail TEXT -- JSON: learning curve, bytes per tensor, ...\n"
    ") STRICT",
    "CREATE INDEX stages_state ON stages (state) WHERE state <> 'done'",
    "CREATE TABLE stage_parents ( -- what a stage is built from\n"
    "  stage_id INTEGER NOT NULL REFERENCES stages, -- stage\n"
    "  position INTEGER NOT NULL, -- order, from 0\n"
    "  parent_id INTEGER NOT NULL REFERENCES stages, -- stage that it reads\n"
    "  PRIMARY KEY (stage_id, position)\n"
    ") STRICT, WITHOUT ROWID",
    "CREATE TABLE stage_metrics ( -- figures that a stage measured\n"
    "  stage_id INTEGER NOT NULL REFERENCES stages, -- stage\n"
    "  metric TEXT NOT NULL, -- name; its unit is in metrics\n"
    "  value REAL, -- in the metric's unit; NULL: not a number\n"
    "  PRIMARY KEY (stage_id, metric)\n"
    ") STRICT, WITHOUT ROWID",
    "CREATE TABLE trials ( -- a configuration and a seed\n"
    "  id INTEGER PRIMARY KEY, -- number of the trial\n"
    "  config_hash TEXT NOT NULL, -- of config\n"
    "  config TEXT NOT NULL, -- canonical JSON of all settings, seed left out\n"
    "  seed INTEGER NOT NULL, -- of its random streams\n"
    "  run_id INTEGER NOT NULL REFERENCES runs, -- run that closed it, before that: added it\n"
    "  state TEXT NOT NULL DEFAULT 'ready'\n"
    "    CHECK (state IN ('ready', 'running', 'done', 'failed', 'timeout')), -- where it stands\n"
    "  on_front INTEGER NOT NULL DEFAULT 0 CHECK (on_front IN (0, 1)), -- 1: done, of the last\n"
    "    -- run's space, and no other such trial is better under the objectives; the writer keeps "
    "it\n"
    "  ended_at TEXT, -- UTC, ISO 8601, when it was closed\n"
    "  error_code TEXT, -- failed, timeout: kind of failure\n"
    "  error_text TEXT, -- failed, timeout: what happened\n"
    "  UNIQUE (config_hash, seed)\n"
    ") STRICT",
    "CREATE INDEX trials_state ON trials (state) WHERE state <> 'done'",
    "CREATE INDEX trials_front ON trials (on_front) WHERE on_front = 1",
    "CREATE TABLE space_trials ( -- which trials belong to a space\n"
    "  space_id INTEGER NOT NULL REFERENCES spaces, -- space\n"
    "  trial_id INTEGER NOT NULL REFERENCES trials, -- trial\n"
    "  candidate INTEGER NOT NULL, -- index of its configuration in the space, from 0\n"
    "  PRIMARY KEY (space_id, trial_id)\n"
    ") STRICT, WITHOUT ROWID",
    "CREATE TABLE trial_stages ( -- a trial's chain of stages\n"
    "  trial_id INTEGER NOT NULL REFERENCES trials, -- trial\n"
    "  position INTEGER NOT NULL, -- order, root first, from 0\n"
    "  stage_id INTEGER NOT NULL REFERENCES stages, -- stage\n"
    "  PRIMARY KEY (trial_id, position)\n"
    ") STRICT, WITHOUT ROWID",
    "CREATE TABLE trial_knobs ( -- a trial's value on each axis\n"
    "  trial_id INTEGER NOT NULL REFERENCES trials, -- trial\n"
    "  knob TEXT NOT NULL, -- name of the axis\n"
    "  value ANY, -- number or text\n"
    "  PRIMARY KEY (trial_id, knob)\n"
    ") STRICT, WITHOUT ROWID",
    "CREATE TABLE trial_metrics ( -- a trial's figures: known beforehand, then of its stages\n"
    "  trial_id INTEGER NOT NULL REFERENCES trials, -- trial\n"
    "  metric TEXT NOT NULL, -- name; its unit is in metrics\n"
    "  value REAL, -- in the metric's unit; NULL: not a number\n"
    "  PRIMARY KEY (trial_id, metric)\n"
    ") STRICT, WITHOUT ROWID",
    "CREATE TABLE verdicts ( -- per version of the last run's space: its pick or what came "
    "closest\n"
    "  version TEXT PRIMARY KEY, -- name of the version\n"
    "  title TEXT NOT NULL, -- one line for people\n"
    "  verdict TEXT NOT NULL CHECK (verdict IN ('met', 'not met')), -- of the reported figures\n"
    "  found TEXT NOT NULL CHECK (found IN ('pick', 'closest miss', 'nothing')), -- trial_id is "
    "it\n"
    "  trial_id INTEGER REFERENCES trials, -- chosen on validation figures; NULL: found nothing\n"
    "  feasible INTEGER NOT NULL, -- finished trials that meet all limits on validation figures\n"
    "  binding TEXT -- metric of the limit that is exceeded most or has the least room\n"
    ") STRICT, WITHOUT ROWID",
    "CREATE TABLE verdict_limits ( -- a verdict, limit by limit\n"
    "  version TEXT NOT NULL REFERENCES verdicts ON DELETE CASCADE, -- name of the version\n"
    "  position INTEGER NOT NULL, -- order in the version, from 0\n"
    "  metric TEXT NOT NULL, -- what is limited\n"
    "  text TEXT NOT NULL, -- limit as written\n"
    "  bound REAL NOT NULL, -- in the metric's unit\n"
    "  value REAL, -- of the trial, validation part, in the metric's unit\n"
    "  reported REAL, -- of the trial, test part or exact, in the metric's unit\n"
    "  margin REAL, -- room of the reported figure, 1 = the whole bound; negative: over the limit\n"
    "  PRIMARY KEY (version, position)\n"
    ") STRICT, WITHOUT ROWID",
    NULL};

/* Step 2. SQLite keeps a new column's text only up to its last word: the comments stand inside. */
static const char *const second_step[] = {
    "ALTER TABLE runs ADD COLUMN artifacts /* -- folder of artifacts, absolute; NULL: the usual "
    "one,"
    " NAME.artifacts beside NAME.db */ TEXT",
    "ALTER TABLE spaces ADD COLUMN title /* -- a line for reports, may be empty */ TEXT", NULL};

static const char *const third_step[] = {
    "ALTER TABLE runs ADD COLUMN confidence /* -- that a pick must hold with, below 1; 0 or NULL: "
    "point figures decide */ REAL",
    "ALTER TABLE verdicts ADD COLUMN confidence /* -- that the pick truly keeps all limits; NULL: "
    "unknown */ REAL",
    NULL};

/* SQLite cannot change a CHECK: the table is made anew. Views that name it are made again afterwards. */
static const char *const fourth_step[] = {
    "DROP VIEW IF EXISTS picks",
    "DROP VIEW IF EXISTS front",
    "DROP VIEW IF EXISTS trials_wide",
    "CREATE TABLE new_trials ( -- a configuration and a seed\n"
    "  id INTEGER PRIMARY KEY, -- number of the trial\n"
    "  config_hash TEXT NOT NULL, -- of config\n"
    "  config TEXT NOT NULL, -- canonical JSON of all settings, seed left out\n"
    "  seed INTEGER NOT NULL, -- of its random streams\n"
    "  run_id INTEGER NOT NULL REFERENCES runs, -- run that closed it, before that: added it\n"
    "  state TEXT NOT NULL DEFAULT 'ready' CHECK (state IN ('ready', 'running', 'done',\n"
    "    'stopped', 'failed', 'timeout')), -- where it stands; stopped: early, by the stop rule\n"
    "  on_front INTEGER NOT NULL DEFAULT 0 CHECK (on_front IN (0, 1)), -- 1: done, of the last\n"
    "    -- run's space, and no other such trial is better under the objectives; the writer keeps "
    "it\n"
    "  ended_at TEXT, -- UTC, ISO 8601, when it was closed\n"
    "  error_code TEXT, -- failed, timeout: kind of failure\n"
    "  error_text TEXT, -- failed, timeout: what happened\n"
    "  stopped_at INTEGER, -- epochs trained when the stop rule ended it, or would have (audit)\n"
    "  stop_chance REAL, -- of its final figures being worth having, as the rule then saw it\n"
    "  audit INTEGER CHECK (audit IN (0, 1)), -- finished to check the rule, which would have\n"
    "    -- stopped it: 1, and would have been wrong; 0, and would have been right\n"
    "  UNIQUE (config_hash, seed)\n"
    ") STRICT",
    ("INSERT INTO new_trials (id, config_hash, config, seed, run_id, state, on_front, ended_at,"
     " error_code, error_text) SELECT id, config_hash, config, seed, run_id, state, on_front,"
     " ended_at, error_code, error_text FROM trials"),
    "DROP TABLE trials",
    "ALTER TABLE new_trials RENAME TO trials",
    "CREATE INDEX trials_state ON trials (state) WHERE state <> 'done'",
    "CREATE INDEX trials_front ON trials (on_front) WHERE on_front = 1",
    NULL};

static const char *const fifth_step[] = {
    "CREATE TABLE knob_values ( -- what the axes of a space may be, as written; long axes are left "
    "out\n"
    "  space_id INTEGER NOT NULL, -- space\n"
    "  knob INTEGER NOT NULL, -- position of the axis\n"
    "  position INTEGER NOT NULL, -- order in the axis, from 0\n"
    "  value ANY, -- number or text\n"
    "  PRIMARY KEY (space_id, knob, position),\n"
    "  FOREIGN KEY (space_id, knob) REFERENCES knobs\n"
    ") STRICT, WITHOUT ROWID",
    NULL};

const char *const *const schema_steps[] = {first_step,  second_step, third_step,
                                           fourth_step, fifth_step,  NULL};

/* --- versions --- */

static status read_number(db *d, const char *sql, int *out, err *e)
{
    query q = db_query_once(d, sql, e);
    if (query_row(&q)) *out = (int)query_column_int(&q, 0);
    return query_end(&q);
}

status schema_identify(db *d, int *user_version, bool *fresh, err *e)
{
    int application = 0, n_tables = 0;
    err local = {0};
    status s = read_number(d, "PRAGMA application_id", &application, &local);
    if (s == OK) s = read_number(d, "SELECT count(*) FROM sqlite_master", &n_tables, &local);
    if (s == OK) s = read_number(d, "PRAGMA user_version", user_version, &local);
    if (s != OK && sqlite3_errcode(d->handle) == SQLITE_NOTADB)
        return FAIL(e, ERR_INPUT, "%s is not a paretune study (not an SQLite file at all)",
                    d->path);
    if (s != OK) return FAIL(e, s, "%s", local.msg);
    *fresh = n_tables == 0 && application == 0;
    if (!*fresh && application != SCHEMA_APPLICATION)
        return FAIL(e, ERR_INPUT, "%s is an SQLite database but not a paretune study", d->path);
    return OK;
}

static status take_steps(db *d, const char *const *const *steps, int from, int to, err *e)
{
    char pragma[80];
    for (int i = from; i < to; i++)
        for (const char *const *sql = steps[i]; *sql; sql++)
            if (db_run(d, *sql, e) != OK)
                return err_wrap(e, "bringing the schema from version %d to %d", i, i + 1);
    snprintf(pragma, sizeof pragma, "PRAGMA application_id = %d; PRAGMA user_version = %d",
             SCHEMA_APPLICATION, to);
    return db_run(d, pragma, e);
}

status schema_migrate(db *d, const char *const *const *steps, err *e)
{
    int from = 0, to = 0;
    bool fresh;
    while (steps[to]) to++;
    TRY(schema_identify(d, &from, &fresh, e));
    if (from > to)
        return FAIL(e, ERR_INPUT,
                    "%s was written by a newer paretune (schema %d; this one knows %d)", d->path,
                    from, to);
    if (from == to) return OK;
    TRY(db_run(d, "PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE", e)); /* a table may be replaced */
    status s = take_steps(d, steps, from, to, e);
    if (s == OK && from > 0) s = schema_make_views(d, e);
    if (s == OK) s = db_run(d, "COMMIT", e);
    if (s != OK) db_rollback(d);
    status back = db_run(d, "PRAGMA foreign_keys = ON", s == OK ? e : NULL);
    return s == OK ? back : s;
}

/* --- views --- */

static const struct {
    const char *name, *unit, *sql, *help;
} fixed[] = {
    {"trial", "", "t.id", "number of the trial"},
    {"candidate", "", "b.candidate", "index of its configuration in the space"},
    {"seed", "", "t.seed", "of its random streams"},
    {"state", "", "t.state", "ready, running, done, stopped (early), failed or timeout"},
    {"on_front", "", "t.on_front", "1: no finished trial is better under the objectives"},
    {"stopped_at", "epochs", "t.stopped_at",
     "trained when the stop rule ended it early, or, finished to check the rule, would have; 0: "
     "it was not begun"},
    {"cpu_seconds", "s",
     "(SELECT sum(g.cpu_seconds) FROM trial_stages c JOIN stages g ON g.id = c.stage_id"
     " WHERE c.trial_id = t.id)",
     "processor time of its stages, shared ones counted whole"},
    {"model", "",
     "(SELECT substr(g.key, 1, 2) || '/' || g.key || '.tflite' FROM trial_stages c"
     " JOIN stages g ON g.id = c.stage_id WHERE c.trial_id = t.id AND g.kind = 'export'"
     " AND g.state = 'done')",
     "its .tflite file, in the folder of artifacts; 'paretune export' copies it"},
};
enum { N_FIXED = sizeof fixed / sizeof *fixed };

/* SQL compares column names without case. */
static bool is_taken(const schema_columns *c, const char *name)
{
    for (int i = 0; i < c->n; i++)
        if (strcasecmp(c->name[i], name) == 0) return true;
    return false;
}

static void add_column(schema_columns *c, arena *a, char kind, const char *source, const char *unit,
                       const char *help)
{
    const char *name = source, *room = kind == 'k' ? "knob" : "metric";
    if (kind == 'v') name = arena_printf(a, "meets.%s", source);
    if (kind == 'w') name = arena_printf(a, "margin.%s", source);
    if (is_taken(c, name)) name = arena_printf(a, "%s.%s", room, source);
    for (int i = 2; is_taken(c, name); i++) name = arena_printf(a, "%s.%s.%d", room, source, i);
    c->name[c->n] = name;
    c->unit[c->n] = unit;
    c->help[c->n] = help;
    c->kind[c->n] = kind;
    c->source[c->n++] = source;
}

static const char listing[] =
    "SELECT 'k' AS kind, name, '' AS unit, '' AS help, position FROM knobs WHERE space_id ="
    " " DB_LAST_SPACE " UNION ALL SELECT 'm', name, unit, help, id FROM metrics"
    " UNION ALL SELECT 'v', name, '', '1: its validation figures keep all limits of this version',"
    " position FROM versions WHERE space_id = " DB_LAST_SPACE
    " UNION ALL SELECT 'w', name, '', 'least room of its validation figures under the limits of "
    "this"
    " version, as a part of the bound; negative: over it',"
    " position FROM versions WHERE space_id = " DB_LAST_SPACE " ORDER BY 1, 5";

status schema_list_columns(db *d, arena *a, schema_columns *out, err *e)
{
    int cap = N_FIXED;
    TRY(read_number(d,
                    "SELECT (SELECT count(*) FROM knobs) + (SELECT count(*) FROM metrics)"
                    " + 2 * (SELECT count(*) FROM versions)",
                    &cap, e));
    cap += N_FIXED;
    *out = (schema_columns){.name = ARENA_NEW(a, const char *, cap),
                            .unit = ARENA_NEW(a, const char *, cap),
                            .help = ARENA_NEW(a, const char *, cap),
                            .source = ARENA_NEW(a, const char *, cap),
                            .kind = ARENA_NEW(a, char, cap)};
    if (!out->name || !out->unit || !out->help || !out->source || !out->kind)
        return FAIL(e, ERR_MEM, "no memory for the columns");
    for (int i = 0; i < N_FIXED; i++)
        add_column(out, a, 'f', fixed[i].name, fixed[i].unit, fixed[i].help);
    query q = db_query(d, listing, e);
    while (query_row(&q))
        add_column(out, a, query_column_text(&q, 0)[0], arena_string(a, query_column_text(&q, 1)),
                   arena_string(a, query_column_text(&q, 2)),
                   arena_string(a, query_column_text(&q, 3)));
    return query_end(&q);
}

/* The rest of a line as a comment; a line end inside would let the rest be read as SQL. */
static void put_comment(buf *b, const char *unit, const char *help)
{
    buf_text(b, " -- ");
    size_t start = b->len;
    if (unit[0]) buf_printf(b, "%s%s", unit, help[0] ? ": " : "");
    buf_text(b, help);
    for (size_t i = start; i < b->len; i++)
        if ((unsigned char)b->data[i] < 0x20) b->data[i] = ' ';
    buf_char(b, '\n');
}

/* What a trial's validation figures make of the limits of a version; NULL when one is missing. */
static void put_version_column(buf *b, char kind, const char *version)
{
    static const char meets[] =
        "coalesce(min(CASE l.op WHEN '<' THEN m.value < l.bound WHEN '<=' THEN m.value <= l.bound"
        " WHEN '>' THEN m.value > l.bound ELSE m.value >= l.bound END), 1)";
    static const char margin[] =
        "min(CASE WHEN l.op IN ('<', '<=') THEN l.bound - m.value ELSE m.value - l.bound END"
        " / CASE l.bound WHEN 0 THEN 1 ELSE abs(l.bound) END)";
    buf_printf(b,
               "(SELECT CASE count(l.metric) WHEN count(m.value) THEN %s END FROM versions v"
               " LEFT JOIN limits l ON l.space_id = v.space_id AND l.version = v.position"
               " LEFT JOIN trial_metrics m ON m.trial_id = t.id AND m.metric = l.metric"
               " WHERE v.space_id = b.space_id AND v.name = ",
               kind == 'v' ? meets : margin);
    db_put_quoted(b, '\'', version);
    buf_char(b, ')');
}

static void put_wide_view(buf *b, const schema_columns *c)
{
    buf_text(b, "CREATE VIEW trials_wide AS SELECT -- trials of the last run's space, one a row\n");
    for (int i = 0; i < c->n; i++) {
        bool knob = c->kind[i] == 'k';
        buf_text(b, "  ");
        if (c->kind[i] == 'f') {
            buf_text(b, fixed[i].sql);
        } else if (c->kind[i] == 'v' || c->kind[i] == 'w') {
            put_version_column(b, c->kind[i], c->source[i]);
        } else {
            buf_printf(b, "(SELECT value FROM %s WHERE trial_id = t.id AND %s = ",
                       knob ? "trial_knobs" : "trial_metrics", knob ? "knob" : "metric");
            db_put_quoted(b, '\'', c->source[i]);
            buf_char(b, ')');
        }
        buf_text(b, " AS ");
        db_put_quoted(b, '"', c->name[i]);
        if (i + 1 < c->n) buf_char(b, ',');
        put_comment(b, c->unit[i], knob ? "knob" : c->help[i]);
    }
    buf_text(b, "FROM space_trials b JOIN trials t ON t.id = b.trial_id\n"
                "WHERE b.space_id = " DB_LAST_SPACE ";\n");
}

static const char other_views[] =
    "CREATE VIEW front AS -- finished trials that no other one beats under the objectives\n"
    "SELECT * FROM trials_wide WHERE on_front = 1;\n"
    "CREATE VIEW picks AS -- per version: limits, verdict, and the trial chosen or closest\n"
    "SELECT v.version, v.title,\n"
    "  (SELECT group_concat(metric || ' ' || text, ', ') FROM verdict_limits l\n"
    "    WHERE l.version = v.version) AS limits,\n"
    "  v.verdict, v.confidence, v.found, v.feasible, v.binding,\n"
    "  (SELECT min(margin) FROM verdict_limits l WHERE l.version = v.version) AS least_margin,\n"
    "  w.*\n"
    "FROM verdicts v LEFT JOIN trials_wide w ON w.trial = v.trial_id;\n";

status schema_make_views(db *d, err *e)
{
    arena a;
    schema_columns c;
    buf b = {0};
    arena_init(&a, 0);
    status s = schema_list_columns(d, &a, &c, e);
    if (s == OK) {
        buf_text(&b, "DROP VIEW IF EXISTS picks; DROP VIEW IF EXISTS front;"
                     " DROP VIEW IF EXISTS trials_wide;\n");
        put_wide_view(&b, &c);
        buf_text(&b, other_views);
        s = buf_check(&b, e);
    }
    if (s == OK) s = db_run(d, b.data, e);
    buf_free(&b);
    arena_free(&a);
    return s;
}
