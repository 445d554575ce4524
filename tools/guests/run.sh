#!/usr/bin/env bash
# Puts fractus in front of two real clouds whose guests run, and looks at it from inside the guests: `make guests`.
#
# The clouds are gone and gtwo, each with a Keystone of its own; fractus shares that of the first. Clouds that are up
# already are used as they are and left up; those that are not are started new and taken down at the end; KEEP=1 leaves
# them up. GUESTS_STAND=DIRECTORY keeps fractus up too, and uses the one that an earlier run left there.
#   tools/guests/run.sh [arguments of pytest]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
python=${PYTHON:-python3}
realcloud="$top/tools/realcloud/realcloud"
names=(${GUESTS_CLOUDS:-gone gtwo})
say() { printf '%(%H:%M:%S)T  %s\n' -1 "$*"; }

alone=yes
if "$realcloud" status >/dev/null; then alone=; fi
say 'real clouds with guests: install'
"$realcloud" install --guests
image="${GUEST_IMAGE_DIR:-/var/tmp/fractus-guest}/guest.qcow2"
if [ ! -e "$image" ]; then "$python" "$top/tools/guest/build.py"; fi
started=()
work=${GUESTS_STAND:-$(mktemp -d)}
export FRACTUS_STATE="$work/state"

finish() {
    status=$?
    if [ "$status" -ne 0 ] && [ -d "$FRACTUS_STATE/log" ]; then
        say "failed; the logs of fractus:"
        tail -n 40 "$FRACTUS_STATE"/log/*.log || true
    fi
    if [ -z "${GUESTS_STAND:-}" ]; then
        if [ -d "$FRACTUS_STATE" ]; then "$python" -m fractus down || true; fi
        rm -rf "$work"
    fi
    if [ -z "${KEEP:-}" ]; then
        if [ -n "$alone" ]; then
            "$realcloud" down --all || true
        else
            for name in "${started[@]}"; do "$realcloud" down "$name" || true; done
        fi
    fi
    exit "$status"
}
trap finish EXIT

for name in "${names[@]}"; do
    if ! "$realcloud" status "$name" >/dev/null; then
        started+=("$name")
        "$realcloud" down "$name" 2>/dev/null || true
        "$realcloud" up "$name" --guests --keystone own
    fi
done
export FRACTUS_QUOTA_UNLIMITED=true
# The tests look whether anything is left in a child when its servers are gone, networks too.
export FRACTUS_WORK_KEEP_UNNEEDED=5
export FRACTUS_REAL_CLOUDS_YAML; FRACTUS_REAL_CLOUDS_YAML=$("$realcloud" clouds-yaml)
export FRACTUS_REAL_STAND="$work"
export FRACTUS_GUESTS_CLOUDS="${names[0]},${names[1]}"
export REALCLOUD="$realcloud"

if [ ! -e "$work/clouds.yaml" ]; then
    say 'fractus in front of them'
    mkdir -p "$work"
    "$python" "$top/tools/real/stand.py" "$work" "${names[@]}"
fi
say 'the tests'
# The stock clients are other people's code: their warnings are theirs.
"$python" -m pytest "$top/tests/guests" -m real -o filterwarnings=default -p no:cacheprovider --durations=10 "$@"
