#!/bin/sh
# Unpacks Debian's arm64 libraries into a folder, for cross-compiling; nothing is installed.
#   tools/arm64-root.sh bench ROOT   what paretune-bench needs, and the sources of kissfft, which
#                                    Debian has as a shared library only
#   tools/arm64-root.sh test ROOT    all that paretune and its tests need to run under qemu, too
# Exit code 3: cross compiler or packages cannot be had here (the reason is said).
set -eu

cannot() {
    echo "arm64-root: $1" >&2
    exit 3
}

case "${1:-}" in
bench) packages="" ;;
test) packages="libsqlite3-dev libopenblas-pthread-dev libsndfile1-dev libcriterion-dev" ;;
*)
    echo "usage: tools/arm64-root.sh bench|test ROOT" >&2
    exit 2
    ;;
esac
what=$1
root=$2
[ ! -e "$root/.$what" ] && [ ! -e "$root/.test" ] || exit 0
tools/deps.sh arm64 || cannot "the cross compiler cannot be installed"
command -v apt-get >/dev/null 2>&1 || cannot "this is not Debian"

# An apt of its own, whose only architecture is arm64 and which has nothing installed.
mkdir -p "$root"
apt=$(cd "$root" && pwd)/apt
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
: >"$apt/status"
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
# This machine's own sources of Debian, with source packages.
apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' |
    sort -u | while read -r uri codename component; do
    case "$codename" in
    "$release" | "$release"-*)
        for kind in deb deb-src; do
            echo "$kind [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
                "$uri $codename $component"
        done
        ;;
    esac
done >"$apt/sources.list"
[ -s "$apt/sources.list" ] || cannot "no source of Debian's packages is known here"
cat >"$apt/apt.conf" <<CONF
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
Dir::State "$apt";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "-";
CONF
export APT_CONFIG="$apt/apt.conf"

echo "arm64-root: fetching arm64 packages" >&2
apt-get update -q >&2 || cannot "the list of packages cannot be fetched"
if [ "$what" = bench ]; then
    for p in libyaml-dev zlib1g-dev libzopfli-dev libxxhash-dev libkissfft-dev; do
        (cd "$apt/cache/archives" && apt-get download -q "$p" >&2) || cannot "$p cannot be fetched"
    done
else
    # shellcheck disable=SC2086  # a list of words
    apt-get install -q -y --download-only --no-install-recommends $packages libyaml-dev zlib1g-dev \
        libzopfli-dev libxxhash-dev libkissfft-dev >&2 || cannot "the packages cannot be fetched"
fi
for deb in "$apt"/cache/archives/*.deb; do
    case "$deb" in
    */libc6-dev_* | */linux-libc-dev_*) ;; # the cross compiler has its own
    *) dpkg -x "$deb" "$root" ;;
    esac
done

mkdir -p "$root/kissfft"
(cd "$apt" && apt-get source -q --download-only kissfft >&2) ||
    cannot "the sources of kissfft cannot be fetched"
tar -xf "$apt"/kissfft_*.orig.tar.* -C "$root/kissfft" --strip-components=1

# Links to absolute paths lead out of the folder.
find "$root/usr/lib/aarch64-linux-gnu" -maxdepth 1 -type l -lname '/*' | while read -r link; do
    ln -sfr "$root$(readlink "$link")" "$link"
done
# dpkg's alternatives would make these links when it installs.
for lib in "$root"/usr/lib/aarch64-linux-gnu/openblas-pthread/libopenblas.so*; do
    [ ! -e "$lib" ] || ln -sf "openblas-pthread/${lib##*/}" "$root/usr/lib/aarch64-linux-gnu/"
done
: >"$root/.$what"
