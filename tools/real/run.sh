#!/usr/bin/env bash
# Puts fractus in front of two real clouds and walks it with the stock client: `make real`.
#
# east shares the Keystone that fractus uses; west has one of its own. Clouds that are up already are used as they are
# and left up. Those that are not are started new, with nothing in them of an earlier time, and are taken down at the
# end; KEEP=1 leaves them up. REAL_RELEASE=zed puts a cloud of that release, with a Keystone of its own, in east's place:
# `make real-older`.
#   tools/real/run.sh [arguments of pytest]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
python=${PYTHON:-python3}
realcloud="$top/tools/realcloud/realcloud"
say() { printf '%(%H:%M:%S)T  %s\n' -1 "$*"; }

# Asked before the installation, which starts what clouds share.
alone=yes
if "$realcloud" status >/dev/null; then alone=; fi
say 'real clouds: install'
"$realcloud" install
started=()
east=east
if [ -n "${REAL_RELEASE:-}" ]; then
    east=${REAL_RELEASE//[^a-z0-9]/}
    case $east in [0-9]*) east="r$east" ;; esac
fi
work=$(mktemp -d)
export FRACTUS_STATE="$work/state"

finish() {
    status=$?
    if [ -d "$FRACTUS_STATE" ]; then "$python" -m fractus down || true; fi
    if [ "$status" -ne 0 ]; then
        say "failed; the logs of fractus:"
        tail -n 40 "$FRACTUS_STATE"/log/*.log || true
    fi
    if [ -z "${KEEP:-}" ]; then
        if [ -n "$alone" ]; then
            "$realcloud" down --all || true
        else
            for name in "${started[@]}"; do "$realcloud" down "$name" || true; done
        fi
        rm -rf "$work"
    fi
    exit "$status"
}
trap finish EXIT

if [ -n "$alone" ]; then "$realcloud" down --all; fi
for pair in "$east:shared" west:own; do
    name=${pair%:*}
    if ! "$realcloud" status "$name" >/dev/null; then
        started+=("$name")
        # What an earlier run kept of it, if it did.
        "$realcloud" down "$name" 2>/dev/null || true
    fi
    words=(--keystone "${pair#*:}")
    if [ -n "${REAL_RELEASE:-}" ] && [ "$name" = "$east" ]; then words=(--release "$REAL_RELEASE"); fi
    "$realcloud" up "$name" "${words[@]}"
done
export FRACTUS_QUOTA_UNLIMITED=true
# The walk looks whether anything is left in a child when its servers are gone, default groups too.
export FRACTUS_WORK_KEEP_UNNEEDED=5
export FRACTUS_REAL_CLOUDS_YAML; FRACTUS_REAL_CLOUDS_YAML=$("$realcloud" clouds-yaml)
if [ "$east" != east ]; then
    # The walk speaks of east and west: here east is the other cloud.
    "$python" -c '
import sys, yaml
one = yaml.safe_load(open(sys.argv[1]))["clouds"]
one["east"], one["east-admin"] = one[sys.argv[2]], one[sys.argv[2] + "-admin"]
yaml.safe_dump({"clouds": one}, open(sys.argv[3], "w"))
' "$FRACTUS_REAL_CLOUDS_YAML" "$east" "$work/children.yaml"
    FRACTUS_REAL_CLOUDS_YAML="$work/children.yaml"
fi
export FRACTUS_REAL_EAST="$east" FRACTUS_REAL_RELEASE="${REAL_RELEASE:-}"
export FRACTUS_REAL_CLOUDS=east-admin,west-admin
export FRACTUS_REAL_STAND="$work"
export REALCLOUD="$realcloud"

say 'fractus in front of them'
"$python" "$here/stand.py" "$work"
say 'the walk'
# The stock clients are other people's code: their warnings are theirs.
"$python" -m pytest "$top/tests/real" -m real -o filterwarnings=default -o timeout=600 -p no:cacheprovider --durations=10 "$@"
