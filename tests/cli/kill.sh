#!/bin/sh
# Killed at random moments and resumed, a study ends like one that nobody disturbed: the same rows and
# the same artifacts, byte for byte. So it does with 1 and with 4 workers, whether all trials are known
# from the start or each depends on the results of earlier ones, also when trainings are stopped early or not
# even begun.
#
#   tests/cli/kill.sh [TIMES] [SEED]     TIMES studies are killed (standard: 3; a release: 50)
#
# Each is killed up to four times: the coordinator, a worker, or both with SIGKILL. The seed is
# printed; the moments also depend on the machine.
set -eu
times=${1:-3}
seed=${2:-$(date +%s)}
state=$seed
here=$(mktemp -d)
running=
trap '[ -z "$running" ] || kill -9 "$running" 2>/dev/null || true; rm -rf "$here"' EXIT
echo "kill.sh: $times times, seed $seed"

# random N: sets $drawn to 0 .. N-1 (sh has no generator of its own).
random() {
    state=$(((state * 1103515245 + 12345) % 2147483648))
    drawn=$((state / 65536 % $1))
}

cat >"$here/space.yaml" <<'YAML'
space: 1
task: forecast
data: {source: synthetic-climate, rows: 5000, seed: 1, steps_in: 6, steps_out: 3}
model: {architecture: mlp, alpha: [0.05, 0.1, 0.2]}
train: {epochs: 8, learning_rate: [0.001, 0.003, 0.01]}
prune: {final_sparsity: [0, 0.7], begin: 4, end: 8, frequency: 10}
export: {storage: [float32, float16]}
limits: {retries: 20}
versions: {a: {T_mae: "< 1 °C", size: "< 4 kB"}}
objectives: {T_mae: minimize, RH_mae: minimize, size: minimize}
YAML
mkdir "$here/architectures"
cp spaces/architectures/mlp.yaml "$here/architectures/"

# run NAME WORKERS: one run of the study NAME, to its end.
run() {
    code=0
    # shellcheck disable=SC2086  # several words
    "$PARETUNE_BIN" run "$here/space.yaml" --db "$here/$1.db" --workers "$2" $options -q \
        >"$here/$1.out" 2>"$here/$1.err" || code=$?
    [ "$code" -eq 0 ] || [ "$code" -eq 3 ] || fail "run ended with $code" "$1"
}

fail() {
    echo "kill.sh: $1 (seed $seed)"
    cat "$here/$2.err"
    exit 1
}

# dump NAME: all that the study says except times, tries and runs, and every artifact's bytes.
dump() {
    for query in \
        "select key, kind, version, params, state, artifact_bytes, artifact_hash, error_code,
             error_text, detail from stages order by id" \
        "select * from stage_parents order by 1, 2" \
        "select * from stage_metrics order by 1, 2" \
        "select id, config_hash, config, seed, state, on_front, error_code, error_text,
             stopped_at, stop_chance, audit from trials order by id" \
        "select * from space_trials order by 1, 2" \
        "select * from trial_stages order by 1, 2" \
        "select * from trial_knobs order by 1, 2" \
        "select * from trial_metrics order by 1, 2" \
        "select * from verdicts order by 1" \
        "select * from verdict_limits order by 1, 2"; do
        "$PARETUNE_BIN" sql "$here/$1.db" "$query" --format csv || fail "no dump" "$1"
    done >"$here/$1.dump"
    (cd "$here/$1.artifacts" && find . -type f -exec sha256sum {} + | sort) \
        >>"$here/$1.dump"
}

same() {
    dump "$1"
    if ! cmp -s "$here/whole.dump" "$here/$1.dump"; then
        diff "$here/whole.dump" "$here/$1.dump" | head -n 20
        fail "the study differs from the undisturbed one" "$1"
    fi
}

milliseconds() { date +%s%3N; }

# pause MILLISECONDS
pause() { sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"; }

# wait_gone PID...: workers must not outlive their coordinator.
wait_gone() {
    for pid in "$@"; do
        for _ in $(seq 200); do
            grep -q '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$pid/status" 2>/dev/null || continue 2
            sleep 0.01
        done
        fail "worker $pid lives on without its coordinator" "$study"
    done
}

# kill_something PID: the coordinator, one of its workers, or both.
kill_something() {
    workers=$(cat "/proc/$1/task/$1/children" 2>/dev/null || true)
    # shellcheck disable=SC2086  # several words
    set -- "$1" $workers
    random 3
    case $drawn in
    0) kill -9 "$1" 2>/dev/null || true ;;
    1) [ $# -lt 2 ] || kill -9 "$2" 2>/dev/null || true ;;
    2) kill -9 "$@" 2>/dev/null || true ;;
    esac
    kills=$((kills + 1))
}

kills=0
for way in grid nsga2 dominance asha; do
    options="--method $way"
    case $way in # what must be among the trials, more than twice
    grid | nsga2) among="state = 'done'" ;;
    dominance) among="state = 'stopped' and stopped_at = 0" ;;
    asha) among="state = 'stopped' and stopped_at > 0" ;;
    esac
    case $way in
    dominance | asha)
        options="--method nsga2 --set search.stop=$way --set search.stop_chance=0.5 --set search.window=4"
        ;;
    esac
    rm -rf "$here"/*.db "$here"/*.artifacts
    study=whole
    start=$(milliseconds)
    run whole 2
    took=$(($(milliseconds) - start))
    dump whole
    "$PARETUNE_BIN" sql "$here/whole.db" \
        "select count(*) || ' ' || (sum($among) > 2) from trials where state in ('done', 'stopped')" \
        --format csv | grep -qx '36 1' ||
        fail "not all trials are done, or stopped" whole
    [ "$(wc -l <"$here/whole.dump")" -gt 300 ] || fail "the dump is too short to mean anything" whole
    for n in 1 4; do
        study=workers$n
        run "$study" "$n"
        same "$study"
    done

    for i in $(seq "$times"); do
        study=killed$i
        for _ in 1 2 3 4; do
            # shellcheck disable=SC2086  # several words
            "$PARETUNE_BIN" run "$here/space.yaml" --db "$here/$study.db" --workers 2 \
                $options -q >"$here/$study.out" 2>"$here/$study.err" &
            running=$!
            random $((took / 2 + 20))
            pause "$drawn"
            workers=
            kill_something "$running"
            wait "$running" 2>/dev/null || true
            running=
            # shellcheck disable=SC2086  # several words
            wait_gone $workers
        done
        run "$study" 2
        same "$study"
        rm -rf "$here/$study.db" "$here/$study.artifacts"
    done
done
echo "kill.sh: $times studies of each way equal after $kills kills; an undisturbed run takes $took ms"
