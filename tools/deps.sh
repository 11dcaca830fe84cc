#!/bin/sh
# Installs the Debian packages that are missing for what is asked:
#   tools/deps.sh build   to compile and run     (make, make demo)
#   tools/deps.sh test    to run the tests too   (make check)
#   tools/deps.sh dev     clang, its tools and sanitizers too (make tidy, format, fuzz)
#   tools/deps.sh browser Chromium, and node where there is none (make check-browser)
#   tools/deps.sh arm64   the cross compiler and an emulator of arm64 (make bench-arm64)
# Says nothing when nothing is missing; uses sudo when not run by root.
set -eu

packages="gcc make pkg-config libc6-dev libsqlite3-dev libopenblas-dev libyaml-dev zlib1g-dev libzopfli-dev libxxhash-dev libsndfile1-dev libkissfft-dev"
case "${1:-}" in
build) ;;
arm64) packages="gcc make gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static" ;;
browser)
    packages="chromium fonts-dejavu-core"
    command -v node >/dev/null 2>&1 || packages="$packages nodejs npm"
    ;;
test) packages="$packages libcriterion-dev librsvg2-2 unzip" ;;
dev) packages="$packages libcriterion-dev zsh sqlite3 clang-14 clang-tidy-14 clang-format-14 libclang-rt-14-dev" ;;
*)
    echo "usage: tools/deps.sh build|test|dev|browser|arm64" >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "deps: this is not Debian; please install the equivalents of: $packages" >&2
    exit 0
fi
missing=""
for p in $packages; do
    case "$(dpkg-query -W -f '${Status} ' "$p" 2>/dev/null)" in
    *"install ok installed"*) ;;
    *) missing="$missing $p" ;;
    esac
done
[ -n "$missing" ] || exit 0

root=""
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "deps: missing packages, and neither root nor sudo to install them. As root:" >&2
        echo "    apt-get install --no-install-recommends$missing" >&2
        exit 1
    fi
    root="sudo"
fi
echo "deps: installing$missing" >&2
export DEBIAN_FRONTEND=noninteractive
$root apt-get update -q >&2
# shellcheck disable=SC2086  # a list of words
$root apt-get install -q -y --no-install-recommends $missing >&2
