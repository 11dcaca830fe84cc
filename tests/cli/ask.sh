#!/bin/sh
# Questions to a finished study: front, pick, why-not, explain, compare; exit codes, forms, mistakes.
set -eu
. tests/support/cli.sh
code=0
"$bin" run spaces/demo.yaml -q --db "$here/demo.db" >/dev/null 2>&1 || code=$?
[ "$code" -eq 0 ] || [ "$code" -eq 3 ] || { echo "ask.sh: the demo ended with $code"; exit 1; }
sed -n '/^## Questions to a study/,/^## The homework/p' README.md | sed -n '/^```sh/,/^```/p' |
    sed -n 's/ *#.*//; s,build/demo/,,; s/^paretune/"$bin"/p' >"$here/commands"
cd "$here"

# json FILE: whether it is JSON, by SQLite.
is_json() {
    cp "$1" checked.json
    expect 0 sql demo.db "select json_valid('$(sed "s/'/''/g" checked.json)') as fine" --format csv
    [ "$(tail -n 1 out)" = 1 ] || fail "$1 is not JSON"
}

# --- front: the study's own is what query --front lists ---
expect 0 front demo.db --format csv
sort out >front.csv
expect 0 query demo.db --front --format csv
sort out | cmp -s - front.csv || fail "front lists others than query --front"
expect 0 front demo.db
out_has 'are on the front of T_mae, RH_mae and size'
expect 0 front demo.db --objectives size --format csv
[ "$(wc -l <out)" -eq 2 ] || fail "the front of one objective is not one trial"
expect 0 query demo.db --sort size --limit 1 --columns size --format csv
cp out least
expect 0 front demo.db --objectives size --columns size --format csv
cmp -s out least || fail "the front of size is not the smallest file"
expect 0 front demo.db --objectives size:max,T_mae --filter 'architecture = mlp' --format json
out_has '"architecture": "mlp"'
grep -q cnn out && fail "a filtered front has what the filter leaves out"
is_json out
expect 0 front demo.db --filter 'architecture = mlp'
out_has 'In all of them: architecture=mlp'
grep -q '^trial  architecture' out && fail "a knob that is equal in all rows has a column"
expect 2 front demo.db --objectives sise
err_has "did you mean 'size'?"
expect 2 front demo.db --objectives size:best
err_has ':min or :max'
expect 2 front demo.db --objectives total_ms
err_has 'no finished trial has the figure total_ms'
expect 2 front demo.db --filter 'T_mea < 3'
err_has "did you mean 'T_mae'?"
expect 0 front demo.db --filter 'T_mae < 0.0001'
out_has '0 of 0 finished trials that meet the filter'

# --- pick: the margin rule is the study's own pick ---
expect 0 sql demo.db "select trial from picks where version = 'small'" --format csv
own=$(tail -n 1 out)
expect 0 pick demo.db --version small --format csv
grep -q "^small,met,pick,$own," out || fail "pick by margin is not the study's pick"
expect 3 pick demo.db
out_has 'tiny: not met: closest miss'
expect 3 pick demo.db --version tiny --format json
is_json out
expect 0 pick demo.db -v small --rule smallest
out_has 'least size among'
out_has 'paretune export demo.db '
expect 0 pick demo.db -v small --rule smallest --format csv
smallest=$(sed -n 2p out | cut -d, -f4)
expect 0 query demo.db "meets.small = 1" --sort size --limit 1 --columns trial --format csv
[ "$(tail -n 1 out)" = "$smallest" ] || fail "rule smallest does not take the smallest feasible file"
expect 0 query demo.db "meets.small = 1" --sort margin.small --desc --limit 1 --columns trial --format csv
[ "$(tail -n 1 out)" = "$own" ] || fail "margin.small does not order trials as the margin rule does"
for rule in most-accurate knee fastest; do
    expect 0 pick demo.db -v small --rule $rule
done
out_has 'least macs among'
expect 0 pick demo.db -v small --limit 'size < 1 kB' --format csv
out_has 'size < 1 kB'
grep -q '4 kB' out && fail "a given limit stands beside the one it replaces"
expect 0 pick demo.db --limit 'T_mae < 0.6' --limit 'size < 1.5 kB'
out_has 'given: '
expect 3 pick demo.db --limit 'size < 1 B'
expect 3 pick demo.db -v small --filter 'size > 100 kB'
out_has 'no finished trial has all figures'
expect 2 pick demo.db -v smal
err_has "did you mean 'small'?"
expect 2 pick demo.db -v small --rule smalest
err_has "did you mean 'smallest'?"
expect 2 pick demo.db --limit 'size 3'
err_has "write it as in 'size < 20 kB'"
expect 2 pick demo.db --limit 'size < 3 ms'
err_has "--limit 'size < 3 ms'"
expect 2 pick demo.db -v small --format xml
expect 2 pick missing.db

# --- why-not ---
expect 3 why-not demo.db -v tiny
out_has 'tiny is not met: none of 58 finished trials'
out_has 'The closest is trial'
out_has 'With T_mae < 0.55 °C and size < 1 kB, the best RH_mae is'
out_has 'paretune explain demo.db'
awk 'length($0) > 100 { exit 1 }' out || fail "why-not prints lines of more than 100 bytes"
expect 0 why-not demo.db -v small
out_has "small is met by trial $own"
expect 3 why-not demo.db -v tiny --format csv
[ "$(sed -n 1p out)" = "version,limit,metric,bound,trial,value,margin,kept_by,feasible_without,best_without,best_trial,needed,binds" ] ||
    fail "the columns of why-not have changed"
[ "$(wc -l <out)" -eq 4 ] || fail "not a row for each limit"
# What is said to be needed makes a trial feasible, and a little less does not.
best=$(awk -F, 'NR > 1 && $3 == "RH_mae" { print $10 }' out)
[ -n "$best" ] || fail "no best RH_mae"
expect 0 pick demo.db -v tiny --limit "RH_mae <= $best"
expect 3 pick demo.db -v tiny --limit "RH_mae < $best"
expect 3 why-not demo.db -v tiny --limit "RH_mae < $best" --format json
out_has 'the very bound, which'
expect 3 why-not demo.db -v tiny --format json
is_json out
for part in summary limits conflicts closest steps knobs untried; do
    expect 3 why-not demo.db -v tiny --part $part --format csv
done
expect 2 why-not demo.db -v tiny --part limit
err_has "did you mean 'limits'?"
expect 2 why-not demo.db
err_has 'say which version'
expect 2 why-not demo.db -v tinny
err_has "did you mean 'tiny'?"
expect 3 why-not demo.db --limit 'total_ms < 40 ms'
out_has 'no finished trial has the figure total_ms'
expect 3 why-not demo.db --limit 'size < 1 B'
out_has 'No trial keeps size < 1 B at all'

# --- explain: the bytes add up to the file's ---
expect 0 explain demo.db "$own"
out_has 'Where its bytes are:'
out_has 'Mean absolute error by step ahead:'
out_has 'What built it:'
expect 0 explain demo.db "$own" --part size --format csv
bytes_sum=$(awk -F, 'NR > 1 { sum += $5 } END { printf "%d", sum + 0.5 }' out)
expect 0 query demo.db "trial = $own" --columns size --format csv
[ "$(tail -n 1 out)" = "$bytes_sum" ] || fail "packed bytes add up to $bytes_sum"
for part in trial figures versions size container latency timing steps curve stages runs; do
    expect 0 explain demo.db "$own" --part $part --format csv
done
expect 0 explain demo.db "$own" --part curve --format csv
[ "$(wc -l <out)" -eq 21 ] || fail "not an epoch a row"
expect 0 explain demo.db "$own" --format json
is_json out
expect 2 explain demo.db 999
err_has 'there is no trial 999'
expect 2 explain demo.db small
err_has 'not the number of a trial'
expect 2 explain demo.db "$own" --part confusion
err_has '--part'

# --- compare ---
expect 0 compare demo.db "$own" "$smallest"
out_has "trial $own"
out_has 'Neither dominates'
expect 0 compare demo.db "$own" "$smallest" --format csv
[ "$(sed -n 1p out)" = "kind,name,unit,trial,value,differs,best" ] || fail "the columns of compare have changed"
expect 0 compare demo.db "$own" "$smallest" --format json
is_json out
expect 2 compare demo.db "$own" "$own"
err_has 'named twice'
expect 2 compare demo.db "$own"
expect 2 compare demo.db "$own" 999

# --- what the README shows ---
[ "$(wc -l <commands)" -ge 5 ] || fail "the README's section on questions shows no commands"
while read -r line; do
    code=0
    eval "$line" >out 2>err || code=$?
    [ "$code" -eq 0 ] || [ "$code" -eq 3 ] || fail "$line: exit $code"
done <commands

# --- another process may ask while the study is written, and nothing is changed by asking ---
expect 0 sql demo.db 'select count(*) from trials' --format csv
[ "$(tail -n 1 out)" = 58 ] || fail "asking changed the study"
