#!/bin/sh
# Shell completion as bash and zsh do it, generated and installed.
set -eu
root=$PWD
. tests/support/cli.sh
command -v bash >/dev/null || {
    echo 'no bash here'
    exit 77
}
bring_architectures mlp
mkdir "$here/folder.d"
cat >"$here/space.yaml" <<'YAML'
space: 1
task: forecast
data: {source: synthetic-climate, rows: 3000, seed: 1, steps_in: 6, steps_out: 3}
model: {architecture: mlp, alpha: [0.05, 0.1]}
train: {epochs: 1}
versions: {easy: {size: "< 1 MB"}, eager: {size: "< 2 MB"}}
objectives: {T_mae: minimize, size: minimize}
YAML
cd "$here"
touch 'a b.db' other.txt model.tflite
expect 0 run space.yaml -q --artifacts kept
expect 2 completion fish
err_has 'bash and zsh'

# --- bash: WORDS... as the shell splits them; the last one is completed. One completion a line.
"$bin" completion bash >paretune.bash
cat >drive.bash <<'BASH'
source ./paretune.bash
compopt() { :; }
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_paretune
printf '%s\n' "${COMPREPLY[@]}"
BASH
# complete WANT WORDS...: WANT is all completions, sorted, with blanks between them.
complete() {
    want=$1
    shift
    got=$(bash drive.bash "$bin" "$@" 2>err | sort | tr '\n' ' ')
    got=${got% }
    [ "$got" = "$want" ] || fail "completion of '$*': '$got' instead of '$want'"
    [ ! -s err ] || fail "completion of '$*' talks"
}
complete verify ve
complete '' nonsense
complete '--max-time --max-trials' run --max-t
complete '--help' gc --h
complete 'csv' query space.db --format c
complete 'csv json table' query space.db --format ''
complete 'json' query space.db --format = j # --format=j
complete 'greybox grid' run --method gr
complete 'failed timeout' retry space.db --state ''
complete 'bash zsh' completion ''
complete 'space.yaml' run sp
complete 'space.db' status sp
complete 'a b.db' query 'a '
complete 'folder.d' status fol
complete 'folder.d' run --artifacts fo
complete 'model.tflite' export mo
complete 'eager easy' export space.db --pick ''
complete 'easy' export space.db --pick eas
complete 'alpha' query space.db --sort alph
complete 'size,alpha' query space.db --columns size,alph
complete 'run' help ru
complete '' export other.db --pick '' # no such study
complete 'eager easy' why-not space.db --version ''
complete 'fastest' pick space.db --rule f
# What is offered for an option stands in its help.
for pair in 'pick --rule' 'replay --stop' 'replay --method' 'why-not --part' 'explain --part' 'compare --part' 'run --method'; do
    "$bin" "${pair% *}" --help >help
    # shellcheck disable=SC2086  # two words
    bash drive.bash "$bin" $pair '' >all
    [ "$(grep -c . all)" -ge 3 ] || fail "nothing is offered for $pair"
    while read -r word; do
        grep -qw -- "$word" help || [ "${pair#replay}" != "$pair" ] || fail "$pair does not know $word"
    done <all
done
# Every command and every option stands in the script.
"$bin" --help | sed -n '/^commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p' >commands
[ "$(grep -c . commands)" -gt 10 ] || fail 'no commands in --help'
while read -r command; do
    bash drive.bash "$bin" "$command" -- >all
    "$bin" "$command" --help | sed -n 's/^  .\{4\}\(--[a-z-]*\).*/\1/p' >options
    while read -r option; do
        grep -qx -- "$option" all || fail "completion of $command knows no $option"
    done <options
done <commands

# --- installed
cd "$root"
make -s install BUILD="$(basename "$(dirname "$bin")")" DESTDIR="$here/image" PREFIX=/usr >"$here/out" 2>"$here/err" ||
    { cd "$here" && fail 'make install'; }
cd "$here"
cmp paretune.bash image/usr/share/bash-completion/completions/paretune || fail 'another script for bash is installed'
[ -s image/usr/share/man/man1/paretune.1 ] || fail 'no manual page is installed'
[ -x image/usr/bin/paretune ] || fail 'no program is installed'

# --- zsh: a shell on a pseudo terminal, which is sent a line and a tab.
if ! command -v zsh >/dev/null; then
    echo 'completion.sh: completion of zsh was not tried: no zsh here'
    exit 0
fi
cat >drive.zsh <<'ZSH'
# drive.zsh SITE-FUNCTIONS PROGRAM-FOLDER: for each line of standard input, what the completion makes of it.
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "PS1= RPS1= PS2=; unsetopt zle_bracketed_paste prompt_cr prompt_sp beep; stty columns 200; path=($2 \$path)"
zpty -w z "fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D"
zpty -w z "zstyle ':completion:*' list-prompt ''; LISTMAX=10000; print-buffer() { print -r -- \"<<\$BUFFER>>\"; BUFFER= }"
zpty -w z "zle -N print-buffer; bindkey '^X' print-buffer; bindkey '^I' complete-word; print rea''dy"
zpty -r z answer '*ready*'
while read -r line; do
    zpty -w -n z "$line"$'\t\C-x'
    zpty -r -m z answer '*<<*>>*'
    answer=${answer##*<<}
    print -r -- ${answer%%>>*}
done
zpty -d z
ZSH
zsh_line() { printf '%s\n' "$1" >>lines && printf '%s\n' "$2" >>wanted; }
zsh_line 'paretune verif' 'paretune verify '
zsh_line 'paretune run --max-tr' 'paretune run --max-trials='
zsh_line 'paretune query space.db --format j' 'paretune query space.db --format json '
zsh_line 'paretune query space.db --format=j' 'paretune query space.db --format=json '
zsh_line 'paretune run --method=gre' 'paretune run --method=greybox '
zsh_line 'paretune export space.db --pick=eag' 'paretune export space.db --pick=eager '
zsh_line 'paretune query space.db --columns=size,alph' 'paretune query space.db --columns=size,alpha'
zsh_line 'paretune run sp' 'paretune run space.yaml '
zsh_line 'paretune status sp' 'paretune status space.db '
zsh_line 'paretune completion z' 'paretune completion zsh '
timeout 60 zsh -f drive.zsh "$here/image/usr/share/zsh/site-functions" "$here/image/usr/bin" <lines >got 2>err ||
    fail 'zsh does not answer'
sed 's/ *$//' got >got.short
sed 's/ *$//' wanted | diff got.short - >out || fail 'zsh completes otherwise'
