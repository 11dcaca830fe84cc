#!/bin/sh
# paretune check and plan as people and scripts meet them: messages, exit codes, tables.
set -eu
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT

fail() {
    echo "plan.sh: $1"
    head -c 3000 "$here/out" "$here/err"
    exit 1
}

# expect CODE ARGUMENTS...: runs the program; standard output in `out`, standard error in `err`.
expect() {
    want=$1
    shift
    code=0
    "$PARETUNE_BIN" "$@" >"$here/out" 2>"$here/err" || code=$?
    [ "$code" -eq "$want" ] || fail "paretune $*: exit $code instead of $want"
}

# has FILE TEXT: the output must contain it.
has() {
    grep -qF -- "$2" "$here/$1" || fail "'$2' is missing from the $1 put"
}

expect 0 check spaces/demo.yaml
has out 'ok: 96 candidates, axes: architecture (2), alpha (4), learning_rate (2), final_sparsity (3), storage (2)'
[ ! -s "$here/err" ] || fail 'check talks although all is well'

# Every mistake, in the form that editors jump to, and nothing on standard output.
expect 2 check tests/bad_spaces/unknown-keys.yaml --architectures spaces/architectures
diff "$here/err" tests/bad_spaces/unknown-keys.expected || fail 'other mistakes than expected'
[ ! -s "$here/out" ] || fail 'mistakes on standard output'

expect 2 check spaces/demo.yaml --set train.epoch=5
has err "--set train.epoch=5:1:1: unknown key 'epoch' in train; did you mean 'epochs'?"
expect 0 check spaces/demo.yaml --set 'alpha=[0.1, 0.2]'
has out 'alpha (2)'
expect 2 check spaces/demo.yaml --set 'alhpa=[0.1, 0.2]'
has err "--set alhpa=[0.1, 0.2]:1:1: no setting or knob 'alhpa'; did you mean 'alpha'?"
expect 2 check spaces/demo.yaml --set epoch=5
has err "did you mean 'epochs'?"
expect 2 check spaces/demo.yaml --set model.alhpa=1
has err "no architecture here has a knob 'alhpa'; did you mean 'alpha'?"
expect 2 check spaces/demo.yaml --set trian.epochs=5
has err "did you mean 'train'?"
expect 2 check spaces/demo.yaml --set 'rules=[{exclude: alpha > 0}]'
has err 'the rules exclude every candidate (96)'
expect 2 plan spaces/demo.yaml --set 'rules=[{exclude: alpha > 0}]'
has err 'the rules exclude every candidate (96)'
has err ': excludes 96: alpha > 0'
expect 2 plan spaces/demo.yaml --set final_sparsity=0.7 --set 'begin=[15, 16]' --set end=5
has err '--set begin=[15, 16]:1:1: excludes 64: pruning must begin before its end'
expect 2 check spaces/demo.yaml --set begin=15 --set end=5
has err '--set begin=15:1:1: prune.begin, 15, must be before prune.end, 5'
expect 2 check spaces/demo.yaml --set final_sparsity=0.7 --set begin='50 %' --set epochs=8 --set end=4
has err "prune.begin, 50 %, must be before prune.end, 4"
expect 2 check spaces/demo.yaml --set final_sparsity=0.7 --set epochs=5
has err 'spaces/demo.yaml:30:10: prune.begin, 5, must be before the end of the training, train.epochs 5'
expect 0 check spaces/demo.yaml --set epochs=5

# What no candidate can meet is said by check and run alike, with the reasons.
expect 0 check spaces/demo.yaml --set 'versions={a: {size: "< 20 B"}}'
has err 'no candidate can meet the limits of any version'
has err '72 cannot meet a: size < 20 B'
expect 3 run spaces/demo.yaml --db "$here/none.db" -q --set 'versions={a: {size: "< 20 B"}}'
has err 'no candidate can meet the limits of any version'
expect 2 check spaces/demo.yaml --set 'versions={a: {size: "< 2"}}'
has err 'size: < 2 is in bytes, fewer than any model has; did you mean 2 kB?'
expect 0 check spaces/demo.yaml --set 'rules=[{exclude: alpha > 9}]'
has err "--set rules=[{exclude: alpha > 9}]:1:12: the rule 'alpha > 9' excludes no candidate"
expect 0 check spaces/demo.yaml --set prune.end=30 --set 'prune.final_sparsity=[0, 0.9]'
has err '--set prune.end=30:1:1: 32 candidates are left out: pruning must end within the training'
expect 2 check spaces/demo.yaml --set train.epochs=8 --set prune.final_sparsity=0.9
has err 'spaces/demo.yaml:31:8: excludes 32: pruning must end within the training'

# Each reason stands at what is to be mended, by itself.
squeezed="--set fine_tune.epochs=2 --set cluster.clusters=[0,16] --set prune.end=[10,30]"
# shellcheck disable=SC2086
expect 0 check spaces/demo.yaml --set 'prune.final_sparsity=[0, 0.9]' $squeezed
has err 'candidates are left out: pruning must end within the training'
has err ' candidates are left out: clustering needs physical labels'
# shellcheck disable=SC2086
expect 0 plan spaces/demo.yaml --set 'prune.final_sparsity=[0, 0.9]' $squeezed
has out 'pruning must end within the training'
has out 'clustering needs physical labels'

# What a choice needs is asked for even if the choice is only one of an axis.
words=spaces/kws-demo.yaml
expect 2 check $words --set augment.noise_kind=recordings --set 'noise=[0, 0.5]'
has err 'augment.noise_folder is missing: folder of recordings of noise'
expect 2 check $words --set noise=0.5 --set snr_low=30
has err '--set snr_low=30:1:1: augment.snr_low, 30 dB, must not be above augment.snr_high, 25 dB'
expect 0 check $words --set noise=0.5 --set 'snr_low=[5, 30]'
has err 'candidates are left out: augment.snr_low must not be above augment.snr_high'
expect 2 check spaces/demo.yaml --set channels=0.2
has err "no setting or knob 'channels'; did you mean 'prune.channels'?"
expect 2 check
expect 2 check no-such-file.yaml
[ "$(cat "$here/err")" = 'no-such-file.yaml: cannot read: No such file or directory' ] ||
    fail 'the name of a missing file is not said once'
expect 2 check spaces/demo.yaml --set alpha=
has err '--set alpha=:1:1: a value is missing behind the ='

# The rows of a table are read: its mistakes, its odd dates, its order.
# rows FIRST STEP: a table of 200 rows, ten minutes times STEP apart.
rows() {
    echo '"Date Time","T (degC)","rh (%)"'
    seq "$1" "$2" $(($1 + 199 * $2)) | while read -r i; do
        printf '%02d.01.2009 %02d:%02d:00,%d.5,50\n' $((i / 144 + 1)) $((i / 6 % 24)) $((i % 6 * 10)) \
            $((i % 7))
    done
}
table='data={source: jena-csv, file: t.csv, steps_in: 3, steps_out: 3}'
rows 0 1 >"$here/t.csv"
expect 0 check spaces/demo.yaml --data "$here" --set "$table"
[ ! -s "$here/err" ] || fail 'a sound table is warned of'
rows 0 1 | sed '10,12d; 20p; 30{h; d}; 31G' >"$here/t.csv"
expect 0 check spaces/demo.yaml --data "$here" --set "$table"
has err 't.csv: its dates have 3 gaps, the first at line 10 (rows missing: 5); 1 repeat, the first at line 18; 1 step backwards, the first at line 29; rows are taken as they stand'
expect 3 run spaces/demo.yaml --data "$here" --set "$table" --db "$here/t.db" --max-trials 1 --set epochs=1
[ "$(grep -c 't.csv: its dates have 3 gaps' "$here/err")" -eq 1 ] || fail 'run does not say it once'
rows 0 1 | sed '7s/50$/half/; 9s/50$/500/' >"$here/t.csv"
expect 2 check spaces/demo.yaml --data "$here" --set "$table"
has err "t.csv:7:25: 'rh (%)' is 'half', not a number"
has err "t.csv:9:25: 'rh (%)' is 500, outside the possible 0 to 105 %"
rows 300 -1 >"$here/t.csv"
for command in check run; do
    expect 2 $command spaces/demo.yaml --data "$here" --set "$table"
    has err 't.csv: 199 of 199 steps go backwards in time, the first at line 3; sort the rows by date, the oldest first'
done

expect 0 plan spaces/demo.yaml --workers 2
for text in 'demo: 96 candidates' 'duplicates             24' 'to try' '% saved' 'with 2 workers'; do
    has out "$text"
done
expect 0 plan spaces/demo.yaml --list 3 --format csv
[ "$(wc -l <"$here/out")" -eq 4 ] || fail 'three candidates and a header were asked for'
has out 'candidate,architecture,alpha,learning_rate,final_sparsity,storage,n_params,macs,size_flat,arena'
expect 0 plan spaces/demo.yaml --format json
has out '"candidates": 96'
expect 2 plan tests/bad_spaces/axes.yaml --architectures spaces/architectures
has err '32 stands twice in this axis; keep one'
expect 2 plan spaces/demo.yaml --format xml
