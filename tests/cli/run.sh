#!/bin/sh
# paretune run and status as people and scripts meet them: tables, exit codes, JSON, interruptions.
set -eu
. tests/support/cli.sh
bring_architectures mlp
cat >"$here/space.yaml" <<'YAML'
space: 1
task: forecast
data: {source: synthetic-climate, rows: 3000, seed: 1, steps_in: 6, steps_out: 3}
model: {architecture: mlp, alpha: [0.05, 0.1]}
train: {epochs: 2}
versions:
  easy: {T_mae: "< 100 °C", size: "< 1 MB"}
objectives: {T_mae: minimize, size: minimize}
YAML
cd "$here"

expect 0 run space.yaml --dry-run
out_has 'to try'
[ ! -e space.db ] || fail "a dry run left a database"

expect 0 run space.yaml
out_has 'T_mae < 100 °C'
out_has 'pick'
err_has '2/2 done'
[ -f space.db ] || fail "the database has another name"
[ -d space.artifacts ] || fail "the folder of artifacts has another name"

expect 0 run space.yaml -q
[ ! -s err ] || fail "-q is not quiet"
expect 0 status space.db
out_has 'ended'
out_has 'train stages'
expect 0 status space.db --format csv
[ "$(grep -c . out)" -eq 6 ] || fail "status in csv: not a header, trials and four kinds of stages"

expect 0 run space.yaml --json --db json.db
[ ! -s err ] || fail "--json talks on standard error"
[ "$(grep -cv '^{"event":".*}$' out)" -eq 0 ] || fail "--json: a line is not an event"
out_has '{"event":"started"'
out_has '{"event":"pick","version":"easy","kind":"chosen","met":true'

expect 3 run space.yaml -q --db hard.db --set 'versions.easy.T_mae=< 0.0001 °C' --set train.epochs=1
out_has 'closest miss'

expect 2 run space.yaml --workers many
expect 2 run no-such-file.yaml
expect 2 run space.yaml --max-time soon
expect 2 run space.yaml --db space.yaml
expect 2 run space.yaml --set 'limits.worker_memory=63 MB' # at which no worker starts
err_has 'limits.worker_memory'
expect 0 run space.yaml -q --db small.db --set 'limits.worker_memory=64 MB'
expect 2 run space.yaml --max-time '-5 s'
err_has '--max-time'
expect 2 run space.yaml --max-trials -1
expect 0 run space.yaml -q --db few.db --set search.max_trials=1
expect 0 sql few.db "select 'trials ' || count(*) from trials" --format csv
out_has 'trials 1'
expect 0 run space.yaml -q --db few.db --set search.max_trials=1 --max-trials 0
expect 0 sql few.db "select 'trials ' || count(*) from trials" --format csv
out_has 'trials 2'

# Methods that learn: each candidate once, as far as asked for; more is a matter of asking again.
sed -e 's/alpha: .*/alpha: [0.05, 0.1, 0.2, 0.3]}/' -e 's/epochs: 2/epochs: [1, 2, 3, 4]/' \
    space.yaml >choice.yaml
expect 0 plan choice.yaml --set search.method=aging --set search.max_trials=7
out_has '7  at most, by aging, for every version'
expect 0 run choice.yaml --method aging --max-trials 5 --db choice.db
err_has '5/5 done'
expect 0 run choice.yaml --method aging --max-trials 9 --db choice.db -j 3
err_has 'taken over from before'
expect 0 run choice.yaml --method aging --max-trials 9 --db whole.db
for db in choice whole; do
    expect 0 sql $db.db 'select id, config_hash, state from trials order by id' --format csv
    mv out $db.csv
done
[ "$(wc -l <whole.csv)" -eq 10 ] || fail "not nine trials and a header"
cmp choice.csv whole.csv || fail "a search that was extended differs from one in a piece"
expect 0 run choice.yaml --method random --set search.max_epochs=6 --db epochs.db
expect 0 sql epochs.db "select 'epochs ' || (sum((params ->> 'to_epoch') - (params ->> 'from_epoch')) between 6 and 9)
    from stages where kind = 'train'" --format csv
out_has 'epochs 1'
expect 0 run choice.yaml --method random --set search.until=met --db met.db
expect 0 sql met.db "select 'trials ' || count(*) from trials" --format csv
out_has 'trials 4' # the first is known to be enough when the fifth would be asked for
expect 2 run choice.yaml --method nsga
expect 2 run choice.yaml --aim nobody
err_has 'neither front nor versions'

# Another study's stages need not be built again, and its trials come first.
expect 0 run choice.yaml --method nsga2 --max-trials 12 --db warm.db --warm-start whole.db
err_has '9 of 9 finished trials of whole.db are in this space'
expect 0 sql warm.db 'select id, config_hash, state from trials where id < 10 order by id' --format csv
cmp out whole.csv || fail "trials of the earlier study do not come first"
expect 0 sql warm.db "select 'trials ' || count(*) from trials" --format csv
out_has 'trials 12' # none is suggested twice
rm -rf whole.artifacts # linked, not needed any more
expect 0 run choice.yaml --method nsga2 --max-trials 12 --db cold.db --warm-start whole.db # builds all anew
for db in warm cold; do
    expect 0 sql $db.db 'select * from trial_metrics order by 1, 2' --format csv
    mv out $db.csv
done
cmp warm.csv cold.csv || fail "what was taken over differs from what is built"
expect 2 run choice.yaml --db warm.db --warm-start warm.db
err_has 'the database of this run itself'
expect 2 run choice.yaml --db new.db --warm-start none.db
[ ! -e new.db ] || fail "a study was begun without the one to start from"

# A run that ends with an error says so, and is not taken for a killed one.
expect 1 run space.yaml -q --db none.db --artifacts /dev/null/artifacts
touch failed.artifacts # a file where the folder belongs
expect 1 run space.yaml -q --db failed.db
expect 0 status failed.db
out_has ': failed'

# Closed standard descriptors: none of our files may take their numbers.
code=0
"$bin" run space.yaml -q --db closed.db <&- >out 2>err || code=$?
[ "$code" -eq 0 ] || fail "standard input closed: exit $code"
[ ! -e closed.db-lock ] || fail "standard input closed: the lock stayed"
code=0
"$bin" run space.yaml --json --db closed.db >&- 2>err || code=$?
[ "$code" -eq 1 ] || fail "standard output closed: exit $code instead of 1"
expect 2 query .

# A failed candidate ends in code 3 with its reason in `status`.
expect 3 run space.yaml -q --db wide.db --set train.learning_rate=10 --set train.optimizer=sgd
err_has "2 of 2 trials failed, the first because of: "
err_has "'paretune status wide.db' tells more"
expect 0 status wide.db
out_has 'numeric'

# An interrupt lets the running stage finish: code 130, and the next run goes on. The whole space would
# take so long that the interrupt comes in time on any machine.
alphas='model.alpha=[.05, .06, .07, .08, .09, .1, .11, .12, .13, .14, .15, .16, .17, .18, .19, .2]'
"$bin" run space.yaml --db stop.db --workers 1 --set train.epochs=2000 --set "$alphas" --json \
    >out 2>err &
pid=$!
for _ in $(seq 1000); do
    grep -q stage_started out && break
    sleep 0.01
done
kill -INT $pid
code=0
wait $pid || code=$?
[ "$code" -eq 130 ] || fail "interrupted run: exit $code instead of 130"
out_has '{"event":"draining"'
expect 0 status stop.db
out_has 'interrupted'
expect 0 run space.yaml --db stop.db --set train.epochs=2000 --set "$alphas" --max-trials 2
err_has 'taken over from before'

# Trials of data that has changed since are not the study's any more: front, query and picks speak of the
# new table alone, however good the old one looked.
# table MILDNESS: a year of weather, the milder the easier to forecast.
table() {
    echo '"Date Time","T (degC)","rh (%)"'
    awk -v mild="$1" 'BEGIN { for (i = 0; i < 600; i++) printf "%02d.01.2020 %02d:00:00,%.3f,%.3f\n",
        i / 24 % 28 + 1, i % 24, sin(i * i) * 20 / mild, 50 + cos(i * i * i) * 40 / mild }'
}
sed -e 's/source: synthetic-climate, rows: 3000, seed: 1,/source: jena-csv, file: weather.csv,/' \
    -e 's/epochs: 2/epochs: [1, 2]/' space.yaml >csv.yaml
table 50 >weather.csv
expect 0 run csv.yaml -q --data .
table 1 >weather.csv
expect 0 run csv.yaml -q --data .
expect 0 sql csv.db "select count(*) from trials where state = 'done'" --format csv
out_has 8
expect 0 query csv.db --format csv --columns trial,T_mae
[ "$(grep -c . out)" -eq 5 ] || fail "changed data: not the four trials of the new table"
expect 0 sql csv.db "select (select count(*) from front) > 0 and
    (select min(trial) from front) > 4 and (select min(trial) from picks) > 4 as new" --format csv
[ "$(tail -n 1 out)" = 1 ] || fail "changed data: the front or a pick is of the old table"
