/* The tables stand as SQLAlchemy writes them for SQLite. The study is attached and all rows made by SQL: 10,000 trials
 * take about a second. */
#include "store/optuna.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/file.h"
#include "store/handle.h"

static const char tables[] =
    "CREATE TABLE studies (study_id INTEGER NOT NULL, study_name VARCHAR(512) NOT NULL,"
    " PRIMARY KEY (study_id));"
    "CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);"
    "CREATE TABLE version_info (version_info_id INTEGER NOT NULL, schema_version INTEGER,"
    " library_version VARCHAR(256), PRIMARY KEY (version_info_id), CHECK (version_info_id=1));"
    "CREATE TABLE study_directions (study_direction_id INTEGER NOT NULL,"
    " direction VARCHAR(8) NOT NULL, study_id INTEGER NOT NULL, objective INTEGER NOT NULL,"
    " PRIMARY KEY (study_direction_id), UNIQUE (study_id, objective),"
    " FOREIGN KEY(study_id) REFERENCES studies (study_id));"
    "CREATE TABLE study_user_attributes (study_user_attribute_id INTEGER NOT NULL,"
    " study_id INTEGER, \"key\" VARCHAR(512), value_json TEXT,"
    " PRIMARY KEY (study_user_attribute_id), UNIQUE (study_id, \"key\"),"
    " FOREIGN KEY(study_id) REFERENCES studies (study_id));"
    "CREATE TABLE study_system_attributes (study_system_attribute_id INTEGER NOT NULL,"
    " study_id INTEGER, \"key\" VARCHAR(512), value_json TEXT,"
    " PRIMARY KEY (study_system_attribute_id), UNIQUE (study_id, \"key\"),"
    " FOREIGN KEY(study_id) REFERENCES studies (study_id));"
    "CREATE TABLE trials (trial_id INTEGER NOT NULL, number INTEGER, study_id INTEGER,"
    " state VARCHAR(8) NOT NULL, datetime_start DATETIME, datetime_complete DATETIME,"
    " PRIMARY KEY (trial_id), FOREIGN KEY(study_id) REFERENCES studies (study_id));"
    "CREATE TABLE trial_user_attributes (trial_user_attribute_id INTEGER NOT NULL,"
    " trial_id INTEGER, \"key\" VARCHAR(512), value_json TEXT,"
    " PRIMARY KEY (trial_user_attribute_id), UNIQUE (trial_id, \"key\"),"
    " FOREIGN KEY(trial_id) REFERENCES trials (trial_id));"
    "CREATE TABLE trial_system_attributes (trial_system_attribute_id INTEGER NOT NULL,"
    " trial_id INTEGER, \"key\" VARCHAR(512), value_json TEXT,"
    " PRIMARY KEY (trial_system_attribute_id), UNIQUE (trial_id, \"key\"),"
    " FOREIGN KEY(trial_id) REFERENCES trials (trial_id));"
    "CREATE TABLE trial_params (param_id INTEGER NOT NULL, trial_id INTEGER,"
    " param_name VARCHAR(512), param_value FLOAT, distribution_json TEXT,"
    " PRIMARY KEY (param_id), UNIQUE (trial_id, param_name),"
    " FOREIGN KEY(trial_id) REFERENCES trials (trial_id));"
    "CREATE TABLE trial_values (trial_value_id INTEGER NOT NULL, trial_id INTEGER NOT NULL,"
    " objective INTEGER NOT NULL, value FLOAT, value_type VARCHAR(7) NOT NULL,"
    " PRIMARY KEY (trial_value_id), UNIQUE (trial_id, objective),"
    " FOREIGN KEY(trial_id) REFERENCES trials (trial_id));"
    "CREATE TABLE trial_intermediate_values (trial_intermediate_value_id INTEGER NOT NULL,"
    " trial_id INTEGER NOT NULL, step INTEGER NOT NULL, intermediate_value FLOAT,"
    " intermediate_value_type VARCHAR(7) NOT NULL, PRIMARY KEY (trial_intermediate_value_id),"
    " UNIQUE (trial_id, step), FOREIGN KEY(trial_id) REFERENCES trials (trial_id));"
    "CREATE TABLE trial_heartbeats (trial_heartbeat_id INTEGER NOT NULL,"
    " trial_id INTEGER NOT NULL, heartbeat DATETIME NOT NULL, PRIMARY KEY (trial_heartbeat_id),"
    " UNIQUE (trial_id), FOREIGN KEY(trial_id) REFERENCES trials (trial_id));"
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL,"
    " CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));"
    "INSERT INTO version_info VALUES (1, 12, '3.1.0');"
    "INSERT INTO alembic_version VALUES ('v3.0.0.d');";

/* A space that has the name of a later one is told apart by its number. */
static const char studies[] =
    "INSERT INTO studies SELECT p.id, p.name || CASE WHEN EXISTS (SELECT 1 FROM s.spaces q"
    "  WHERE q.name = p.name AND q.id > p.id) THEN ' (space ' || p.id || ')' ELSE '' END"
    " FROM s.spaces p WHERE EXISTS (SELECT 1 FROM s.objectives o WHERE o.space_id = p.id);"
    "INSERT INTO study_directions (direction, study_id, objective)"
    " SELECT upper(direction), space_id, position FROM s.objectives ORDER BY space_id, position;"
    "INSERT INTO study_system_attributes (study_id, \"key\", value_json)"
    " SELECT study_id, 'study:metric_names', (SELECT json_group_array(metric) FROM"
    "  (SELECT metric FROM s.objectives WHERE space_id = study_id ORDER BY position)) FROM studies;"
    "INSERT INTO study_user_attributes (study_id, \"key\", value_json)"
    " SELECT id, 'title', json_quote(title) FROM s.spaces WHERE coalesce(title, '') <> ''"
    "  AND id IN (SELECT study_id FROM studies)"
    " UNION ALL SELECT v.space_id, 'version ' || v.name, (SELECT json_group_array(metric || ' ' ||"
    "   text) FROM s.limits l WHERE l.space_id = v.space_id AND l.version = v.position)"
    "  FROM s.versions v WHERE v.space_id IN (SELECT study_id FROM studies)"
    " UNION ALL SELECT study_id, 'written by', '\"paretune\"' FROM studies;";

/* `at` joins a trial of the file and one of the study. Of a stage's times only the end and the length are known. */
static const char trials[] =
    "CREATE TEMP TABLE at AS SELECT row_number() OVER (ORDER BY b.space_id, t.id) AS id,"
    "  row_number() OVER (PARTITION BY b.space_id ORDER BY t.id) - 1 AS number, b.space_id,"
    "  b.candidate, t.id AS trial, t.seed, t.state, t.on_front, t.ended_at, t.error_text,"
    "  (SELECT count(*) FROM s.objectives o JOIN s.trial_metrics m ON m.metric = o.metric"
    "   WHERE o.space_id = b.space_id AND m.trial_id = t.id AND abs(m.value) < 9e999) ="
    "  (SELECT count(*) FROM s.objectives o WHERE o.space_id = b.space_id) AS whole,"
    "  (SELECT sum(g.wall_seconds) FROM s.trial_stages c JOIN s.stages g ON g.id = c.stage_id"
    "   WHERE c.trial_id = t.id) AS seconds,"
    "  (SELECT started_at FROM s.runs r WHERE r.id = t.run_id) AS started_at"
    " FROM s.space_trials b JOIN s.trials t ON t.id = b.trial_id"
    " WHERE b.space_id IN (SELECT study_id FROM studies);"
    "CREATE INDEX temp.at_trial ON at (trial);"
    "INSERT INTO trials SELECT id, number, space_id, CASE WHEN state = 'done' AND whole THEN"
    "  'COMPLETE' WHEN state = 'stopped' THEN 'PRUNED' WHEN state = 'running' THEN 'RUNNING'"
    "  WHEN state = 'ready' THEN 'WAITING' ELSE 'FAIL' END,"
    "  CASE state WHEN 'ready' THEN NULL WHEN 'running' THEN strftime('%Y-%m-%d %H:%M:%f000',"
    "   started_at) ELSE strftime('%Y-%m-%d %H:%M:%f000', julianday(ended_at) -"
    "   coalesce(seconds, 0) / 86400) END,"
    "  CASE WHEN state NOT IN ('ready', 'running') THEN"
    "   strftime('%Y-%m-%d %H:%M:%f000', ended_at) END FROM at;"
    "INSERT INTO trial_values (trial_id, objective, value, value_type)"
    " SELECT at.id, o.position, m.value, 'FINITE' FROM at"
    " JOIN s.objectives o ON o.space_id = at.space_id"
    " JOIN s.trial_metrics m ON m.trial_id = at.trial AND m.metric = o.metric"
    " WHERE at.state = 'done' AND at.whole ORDER BY at.id, o.position;"
    "INSERT INTO trial_user_attributes (trial_id, \"key\", value_json)"
    " SELECT at.id, m.metric, printf('%!.17g', m.value) FROM at"
    "  JOIN s.trial_metrics m ON m.trial_id = at.trial WHERE abs(m.value) < 9e999"
    " UNION ALL SELECT id, 'paretune trial', json_quote(trial) FROM at"
    " UNION ALL SELECT id, 'paretune seed', json_quote(seed) FROM at"
    " UNION ALL SELECT id, 'paretune candidate', json_quote(candidate) FROM at"
    " UNION ALL SELECT id, 'paretune state', json_quote(state) FROM at"
    " UNION ALL SELECT id, 'paretune error', json_quote(error_text) FROM at"
    "  WHERE error_text IS NOT NULL;";

/* What values a knob takes in the trials of a space decides its distribution; a choice's value is its index. */
static const char parameters[] =
    "CREATE TEMP TABLE taken AS SELECT at.space_id, k.knob, k.value,"
    "  row_number() OVER (PARTITION BY at.space_id, k.knob ORDER BY k.value) - 1 AS position"
    " FROM at JOIN s.trial_knobs k ON k.trial_id = at.trial"
    " WHERE k.value IS NOT NULL GROUP BY at.space_id, k.knob, k.value;"
    "CREATE INDEX temp.taken_knob ON taken (space_id, knob);"
    "CREATE TEMP TABLE spread AS SELECT space_id, knob,"
    "  max(typeof(value) = 'text') AS is_choice, min(value) AS low, max(value) AS high,"
    "  min(typeof(value) <> 'text' AND value = CAST(value AS INTEGER) AND abs(value) < 1e9) AS"
    "  is_whole FROM taken GROUP BY space_id, knob;"
    "CREATE TEMP TABLE shape AS SELECT space_id, knob, is_choice, CASE WHEN is_choice THEN"
    "  json_object('name', 'CategoricalDistribution', 'attributes', json_object('choices',"
    "   (SELECT json_group_array(value) FROM (SELECT value FROM taken v WHERE v.space_id ="
    "    d.space_id AND v.knob = d.knob ORDER BY position))))"
    "  WHEN is_whole THEN json_object('name', 'IntDistribution', 'attributes', json_object("
    "   'log', json('false'), 'step', 1, 'low', CAST(low AS INTEGER), 'high',"
    "   CAST(high AS INTEGER)))"
    "  ELSE json_object('name', 'FloatDistribution', 'attributes', json_object('step', NULL,"
    "   'low', json(printf('%!.17g', low)), 'high', json(printf('%!.17g', high)), 'log', json(CASE "
    "WHEN low > 0 AND high / low >= 20 THEN 'true'"
    "   ELSE 'false' END))) END AS json FROM spread d;"
    "INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json)"
    " SELECT at.id, k.knob, CASE WHEN f.is_choice THEN v.position ELSE k.value END, f.json FROM at"
    " JOIN s.trial_knobs k ON k.trial_id = at.trial"
    " JOIN taken v ON v.space_id = at.space_id AND v.knob = k.knob AND v.value = k.value"
    " JOIN shape f ON f.space_id = at.space_id AND f.knob = k.knob ORDER BY at.id;";

/* The curve of a stage begins where its training began; so of a training in several stages the last one has all. */
static const char curves[] =
    "CREATE TEMP TABLE part AS SELECT c.trial_id, c.position, g.detail,"
    "  lead(json_extract(g.params, '$.from_epoch')) OVER (PARTITION BY c.trial_id ORDER BY"
    "   c.position) AS next_from FROM s.trial_stages c JOIN s.stages g ON g.id = c.stage_id"
    " WHERE g.kind = 'train' AND g.state = 'done' AND json_valid(g.detail) AND"
    "  json_valid(g.params);"
    "INSERT INTO trial_intermediate_values (trial_id, step, intermediate_value,"
    "  intermediate_value_type) SELECT id, step, CASE WHEN abs(value) < 9e999 THEN value END,"
    "  CASE WHEN value IS NULL THEN 'NAN' WHEN value >= 9e999 THEN 'INF_POS'"
    "   WHEN value <= -9e999 THEN 'INF_NEG' ELSE 'FINITE' END FROM"
    " (SELECT at.id, row_number() OVER (PARTITION BY at.id ORDER BY p.position, j.key) AS step,"
    "   coalesce(100 * json_extract(j.value, '$[3]'), json_extract(j.value, '$[1]')) AS value"
    "  FROM at JOIN part p ON p.trial_id = at.trial, json_each(p.detail, '$.curve') j"
    "  WHERE coalesce(p.next_from, 0) = 0);";

static status attach(store *s, db *to, arena *a, err *e)
{
    const char *whole = s->d.path;
    char *uri = arena_string(a, "file:");
    for (const char *p = whole; uri && *p; p++)
        uri = arena_printf(a, strchr("?#%", *p) ? "%s%%%02X" : "%s%c", uri, (unsigned char)*p);
    uri = uri ? arena_printf(a, "%s?mode=ro", uri) : NULL;
    if (!uri) return FAIL(e, ERR_MEM, "out of memory");
    query q = db_query(to, "ATTACH DATABASE :path AS s", e);
    query_text(&q, ":path", uri);
    return query_run(&q);
}

static status count(db *d, const char *sql, int *n, err *e)
{
    query q = db_query(d, sql, e);
    *n = query_row(&q) ? (int)query_column_int(&q, 0) : 0;
    return query_end(&q);
}

static status fill(db *to, optuna_written *out, err *e)
{
    TRY(db_run(to, "BEGIN", e));
    TRY(db_run(to, tables, e));
    TRY(db_run(to, studies, e));
    TRY(count(to, "SELECT count(*) FROM studies", &out->studies, e));
    if (out->studies == 0)
        return FAIL(e, ERR_INPUT, "no space of the study has objectives, which Optuna needs");
    TRY(db_run(to, trials, e));
    TRY(db_run(to, parameters, e));
    TRY(db_run(to, curves, e));
    TRY(count(to, "SELECT count(*) FROM trials", &out->trials, e));
    return db_run(to, "COMMIT", e);
}

static status write_file(store *s, const char *path, arena *a, optuna_written *out, err *e)
{
    db to;
    TRY(db_open(&to, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI, e));
    status st = attach(s, &to, a, e);
    if (st == OK) st = fill(&to, out, e);
    db_close(&to);
    return st;
}

status store_write_optuna(struct store *s, const char *path, optuna_written *out, err *e)
{
    arena a;
    *out = (optuna_written){0};
    if (file_exists(path)) return FAIL(e, ERR_INPUT, "%s is there already; name a new file", path);
    arena_init(&a, 0);
    const char *half = arena_printf(&a, "%s.%ld.tmp", path, (long)getpid());
    status st = half ? write_file(s, half, &a, out, e) : FAIL(e, ERR_MEM, "out of memory");
    if (st == OK && rename(half, path) != 0) st = FAIL(e, ERR_IO, "%s: cannot be written", path);
    if (st != OK && half) unlink(half);
    arena_free(&a);
    return st;
}
