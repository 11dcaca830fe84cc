#!/bin/sh
# paretune report --html as people meet it; paretune serve's mistakes. What is on the page is tested in a browser.
set -eu
. tests/support/cli.sh
cp spaces/demo.yaml "$here/"
cp -R spaces/architectures "$here/architectures"
cd "$here"
"$bin" run demo.yaml -q --max-trials 4 >/dev/null || [ $? -eq 3 ]

expect 0 report demo.db --html
out_has 'wrote demo.html'
[ "$(bytes demo.html)" -lt 5000000 ] || fail 'the page is over 5 MB'
grep -q '^<!doctype html>' demo.html || fail 'no page'
expect 0 report demo.db --html --out pages
out_has 'wrote pages/demo.html'
expect 0 report demo.db --html --out here.html
out_has 'wrote here.html'
[ -f here.html ] || fail 'the page is elsewhere'
expect 2 report nothing.db --html
err_has 'no such study'

expect 2 serve nothing.db
err_has 'no such study'
expect 2 serve demo.db --port 70000
err_has '--port'
expect 2 serve demo.yaml
