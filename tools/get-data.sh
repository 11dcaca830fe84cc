#!/bin/sh
# Downloads the Jena Climate series (Max Planck Institute for Biogeochemistry, 2009-2016) as the course
# used it and unpacks it to FOLDER/jena/jena_climate_2009_2016.csv:  tools/get-data.sh FOLDER
#
# No checksum of the archive has been published, so what is unpacked is verified by what is known of
# it: the header, the first and the number of rows. The SHA-256 of the first verified download is
# kept beside it (jena_climate_2009_2016.csv.zip.sha256); a later download must have the same.
set -eu

url=${PARETUNE_JENA_URL:-https://storage.googleapis.com/tensorflow/tf-keras-datasets/jena_climate_2009_2016.csv.zip}
name=jena_climate_2009_2016.csv
folder=${1:?usage: tools/get-data.sh FOLDER}/jena
rows=420551
header='"Date Time","p (mbar)","T (degC)","Tpot (K)","Tdew (degC)","rh (%)","VPmax (mbar)","VPact (mbar)","VPdef (mbar)","sh (g/kg)","H2OC (mmol/mol)","rho (g/m**3)","wv (m/s)","max. wv (m/s)","wd (deg)"'
first='01.01.2009 00:10:00,996.52,-8.02,'

fail() {
    echo "get-data: $*" >&2
    exit 1
}

verify() { # CSV
    [ "$(head -n 1 "$1" | tr -d '\r')" = "$header" ] || fail "$1: its first line is not the series' header"
    case "$(sed -n 2p "$1")" in
    "$first"*) ;;
    *) fail "$1: its first row is not that of 01.01.2009 00:10:00" ;;
    esac
    found=$(tail -n +2 "$1" | grep -c '^[0-9]' || true)
    [ "$found" -eq $rows ] || fail "$1: $found rows instead of $rows; the download is incomplete"
}

unpack() { # ZIP FOLDER
    if command -v unzip >/dev/null 2>&1; then
        unzip -q -o "$1" -d "$2"
    elif command -v python3 >/dev/null 2>&1; then
        python3 -m zipfile -e "$1" "$2"
    else
        fail "neither unzip nor python3 is here to unpack the archive; install unzip"
    fi
}

mkdir -p "$folder"
if [ -f "$folder/$name" ]; then
    verify "$folder/$name"
    echo "get-data: $folder/$name is there and is right"
    exit 0
fi
work=$(mktemp -d "$folder/.download-XXXXXX")
trap 'rm -rf "$work"' EXIT
echo "get-data: downloading $url" >&2
if command -v curl >/dev/null 2>&1; then
    curl -fL --retry 3 -o "$work/$name.zip" "$url" || fail "the download failed"
elif command -v wget >/dev/null 2>&1; then
    wget -O "$work/$name.zip" "$url" || fail "the download failed"
else
    fail "neither curl nor wget is here; install one of them"
fi
pinned="$folder/$name.zip.sha256"
sum=$(sha256sum "$work/$name.zip" | cut -d ' ' -f 1)
if [ -f "$pinned" ] && [ "$(cut -d ' ' -f 1 "$pinned")" != "$sum" ]; then
    fail "SHA-256 $sum is not the one in $pinned; remove that file if the series was published anew"
fi
unpack "$work/$name.zip" "$work"
[ -f "$work/$name" ] || fail "the archive has no $name"
verify "$work/$name"
echo "$sum  $name.zip" >"$pinned"
mv "$work/$name" "$folder/$name"
echo "get-data: $folder/$name, $rows rows; use it with --data ${1} or PARETUNE_DATA=${1}"
