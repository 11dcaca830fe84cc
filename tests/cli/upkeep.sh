#!/bin/sh
# paretune retry, gc and verify: what failed is tried again, what nobody needs is removed and nothing else, what was
# built is built again with the same bits.
set -eu
. tests/support/cli.sh
bring_architectures mlp
cat >"$here/space.yaml" <<'YAML'
space: 1
task: forecast
data: {source: synthetic-climate, rows: 3000, seed: 1, steps_in: 6, steps_out: 3}
model: {architecture: mlp, alpha: [0.05, 0.1]}
train: {epochs: 4, optimizer: sgd, learning_rate: [0.0001, 10]}
prune: {final_sparsity: [0, 0.7], begin: 2, end: 4, frequency: 10}
versions: {easy: {T_mae: "< 100 °C", size: "< 1 MB"}}
objectives: {T_mae: minimize, size: minimize}
YAML
cd "$here"
scalar() { "$bin" sql "$1" "$2" --format csv | sed 1d; }
files() { find "$1" -type f | wc -l | tr -d ' '; }

# --- retry ---
expect 3 run space.yaml -q
[ "$(scalar space.db "select count(*) from trials where state = 'failed'")" -eq 4 ] || fail 'not four failures'
expect 0 retry space.db
out_has '4 left: their parameters are to blame'
out_has '0 trials ready again'
expect 0 retry space.db --hopeless --filter 'alpha = 0.1 and final_sparsity = 0' --format csv
[ "$(head -n 1 out)" = 'trial,stage,code,reason,action' ] || fail 'other columns'
[ "$(grep -c ',train,numeric,.*,ready again$' out)" -eq 1 ] || fail 'not one trial by the filter'
# Both trials with this alpha and rate share the stage that diverged.
[ "$(scalar space.db "select count(*) from trials where state = 'ready'")" -eq 2 ] ||
    fail 'a trial that shares the failed stage is not ready'
failed=$(scalar space.db "select min(id) from trials where state = 'failed'")
expect 0 retry space.db "$failed"
out_has 'ready again'
expect 3 run space.yaml -q
[ "$(scalar space.db "select count(*) from trials where state = 'failed'")" -eq 4 ] || fail 'tried again, they succeed?'
expect 2 retry space.db 1
err_has 'only failed ones'
expect 2 retry space.db 999
expect 2 retry space.db one
expect 2 retry space.db "$failed" --state failed
expect 2 retry space.db --state done
expect 2 retry space.db --filter 'alhpa > 1'
err_has "did you mean 'alpha'"
expect 2 retry none.db
[ ! -e none.db ] || fail 'retry made a database'

# --- one filter language, whoever is asked ---
for ask in 'query space.db' 'front space.db --filter' 'pick space.db --filter' 'why-not space.db --filter' \
    'report space.db --out report --filter' 'retry space.db --filter'; do
    # shellcheck disable=SC2086  # words
    expect 2 $ask 'alhpa > 1'
    err_has "filter, column 1: 'alhpa' is no knob or metric of this study; did you mean 'alpha'?"
    expect 2 $ask 'size < 1.5 ms'
    err_has 'filter, column 8'
    case $ask in pick* | why-not*) want='0 3' ;; *) want='0 2' ;; esac
    code=0
    "$bin" $ask 'not (alpha between 0.01 and 0.06 or size >= 2 kB) and final_sparsity in (0, 0.7)' >out 2>err || code=$?
    case " $want " in *" $code "*) ;; *) fail "$ask refuses a filter" ;; esac
    ! grep -q '^paretune.*filter' err || fail "$ask refuses a filter"
done

# --- gc ---
sed 's/, 10//' space.yaml >good.yaml
expect 0 run good.yaml -q
all=$(files good.artifacts)
expect 0 gc good.db --dry-run --format csv
out_has 'would go'
[ "$(files good.artifacts)" -eq "$all" ] || fail 'a dry run removed something'

# What is not an artifact stays: other names, links, what a link leads to, another folder's key; what is being written
# is nobody's to remove, what was left half written is.
key=$(basename "$(find good.artifacts -name '*.checkpoint' | head -n 1)")
pair=$(printf '%.2s' "$key")
echo mine >"good.artifacts/$pair/notes.txt"
mkdir outside
echo precious >"outside/$key"
rm "good.artifacts/$pair/$key"
ln -s "$here/outside/$key" "good.artifacts/$pair/$key"
free=00
while [ -e "good.artifacts/$free" ]; do free=$(printf '%02x' $((0x$free + 1))); done
ln -s "$here/outside" "good.artifacts/$free"
echo precious >"outside/${free}000000000000000000000000000000.checkpoint"
other=$(find good.artifacts -name '*.tflite' | head -n 1)
cp "$other" "good.artifacts/$pair/copy.tflite"
unknown="good.artifacts/$pair/${pair}000000000000000000000000000000.tflite"
echo lost >"$unknown"
echo half >"good.artifacts/$pair/${pair}000000000000000000000000000000.latency.json.999999999.tmp"
echo half >"good.artifacts/$pair/${pair}111111111111111111111111111111.checkpoint.$$.tmp"
expect 1 gc good.db
err_has 'a process is writing there'
[ -e "$unknown" ] || fail 'removed while somebody writes'
rm "good.artifacts/$pair/${pair}111111111111111111111111111111.checkpoint.$$.tmp"
expect 0 gc good.db
out_has 'checkpoints not needed'
out_has 'unknown to the study'
out_has 'half written'
out_has 'freed'
for kept in "outside/$key" "outside/${free}000000000000000000000000000000.checkpoint" "good.artifacts/$pair/notes.txt" \
    "good.artifacts/$pair/copy.tflite"; do
    [ -e "$kept" ] || fail "$kept is gone"
done
[ -L "good.artifacts/$pair/$key" ] || fail 'a link is gone'
[ ! -e "$unknown" ] || fail 'an orphan is left'
[ "$(find good.artifacts -type f -name '*.checkpoint' | wc -l)" -eq 0 ] || fail 'checkpoints are left'
[ "$(find good.artifacts -type f -name '*.tflite' | wc -l)" -eq 5 ] || fail 'models are gone'
expect 0 export good.db 1 --out one

expect 0 gc good.db --keep picks,2
pick=$(scalar good.db 'select trial from picks')
expect 0 export good.db "$pick" --out picked
expect 0 export good.db 2 --out two
for trial in 1 2 3 4; do
    case $trial in 2 | "$pick") ;; *) expect 2 export good.db "$trial" --out gone ;; esac
done
before=$(scalar good.db 'select group_concat(artifact_hash) from stages where kind = "export"')
rm "good.artifacts/$pair/$key"
expect 0 run good.yaml -q # builds what is gone again
[ "$before" = "$(scalar good.db 'select group_concat(artifact_hash) from stages where kind = "export"')" ] ||
    fail 'models built again are others'
for trial in 1 2 3 4; do expect 0 export good.db "$trial" --out "t$trial"; done
expect 2 gc good.db --keep pick
err_has "'pick' is not"
expect 2 gc good.db --keep 77
expect 2 gc none.db

# Of a folder that another study may use, only what this one knows is removed.
expect 0 run good.yaml -q --db a.db --artifacts shared
expect 0 run good.yaml -q --db b.db --artifacts shared --set data.seed=2
expect 0 gc a.db
out_has '--orphans includes it'
expect 0 export b.db 1 --out b
# What unfinished trials are built from stays.
expect 0 run good.yaml -q --db part.db --set search.max_trials=1
expect 0 gc part.db -n
scalar part.db "select count(*) from trials" | grep -qx 1 || fail 'more trials than asked for'

# A study that is being run is refused: a lock that another process holds.
(exec 9<>good.db-lock && flock 9 && exec sleep 20) >/dev/null 2>&1 &
holder=$!
for i in 1 2 3 4 5 6 7 8 9 10; do
    flock -n good.db-lock true || break
    sleep 0.1
done
expect 1 gc good.db
err_has 'is being written by'
expect 1 retry good.db
expect 0 gc good.db --dry-run
kill "$holder" 2>/dev/null || :
wait "$holder" 2>/dev/null || :

# --- verify ---
expect 0 verify good.db "$pick" -q
out_has 'every stage has the bits'
[ ! -s err ] || fail '-q is not quiet'
[ "$(grep -c 'same bits' out)" -ge 4 ] || fail 'stages are missing'
mkdir moved
cp good.db moved/
cd moved # nothing of the files that the study was made from is needed
expect 0 verify good.db --all-picks -q --format json
[ "$(grep -c '"result": "same bits"' out)" -ge 4 ] || fail 'no JSON'
expect 0 verify good.db 1 -q --scratch there
[ -e there/verify.db ] || fail 'the scratch folder is empty'
expect 2 verify good.db 1 -q --scratch there
err_has 'must be new or empty'
expect 2 verify good.db
expect 2 verify good.db 0
expect 2 verify good.db 99
cd ..
expect 2 verify space.db "$failed" -q
err_has 'is failed'
if command -v sqlite3 >/dev/null; then
    # $1: how a figure is falsified; what is behind: what is told of it
    falsified() {
        cp good.db false.db
        sqlite3 false.db "$1"
        expect 1 verify false.db 1 -q
        out_has 'differs'
        out_has "$2"
        [ "$(grep -c 'differs first in' out)" -eq 1 ] || fail 'not one first difference'
    }
    falsified "update stage_metrics set value = value + 1e-9 where metric = 'T_mae'" 'T_mae is '
    falsified "update stages set artifact_hash = replace(artifact_hash, substr(artifact_hash, 1, 1), 'x') where kind = 'train'" \
        'differs first in its train stage'
    falsified "update stages set artifact_bytes = 1 where kind = 'data'; update runs set kernels = 'abacus'" 'kernels abacus then'
    falsified "update stages set key = 'f' || substr(key, 2), version = 0 where kind = 'export'" 'version 0 of its code'
    falsified "update stages set key = 'f' || substr(key, 2), params = '{}' where kind = 'data'" 'the data have changed'
else
    echo 'upkeep.sh: falsified studies were not tried: no sqlite3 here'
fi
