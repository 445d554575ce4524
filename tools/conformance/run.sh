#!/usr/bin/env bash
# Runs Tempest against fractus in front of two real clouds, in slices of a few minutes.
#
#   tools/conformance/run.sh up             the stand, Tempest in an environment of its own, tempest.conf
#   tools/conformance/run.sh SLICE...       slices by name (see slices.txt), or `all`
#   tools/conformance/run.sh regex dynamic|accounts REGEX    any tests
#   tools/conformance/run.sh report         docs/conformance.tsv and docs/conformance.md, from all results so far
#   tools/conformance/run.sh restart        stop and start fractus with the state it has, after a change of code
#   tools/conformance/run.sh down           stop fractus; the clouds stay up
#
# CONFORMANCE_HOME holds everything (/var/tmp/fractus-conformance), PYTHON is the interpreter that has fractus,
# CONFORMANCE_WORKERS says how many tests run at once (2).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
python=${PYTHON:-python3}
unset PYTHON  # stestr would start its workers with it
home=${CONFORMANCE_HOME:-/var/tmp/fractus-conformance}
workers=${CONFORMANCE_WORKERS:-2}
realcloud="$top/tools/realcloud/realcloud"
export FRACTUS_STATE="$home/state"
export CONFORMANCE_CLOUDS=${CONFORMANCE_CLOUDS:-east,west}
say() { printf '%(%H:%M:%S)T  %s\n' -1 "$*"; }

up() {
    mkdir -p "$home/results" "$home/log" "$home/lock"
    if [ ! -x "$home/venv/bin/tempest" ]; then
        say 'Tempest'
        "$top/tools/environment/fill" "$home/venv" "$here/requirements.lock"
    fi
    if [ ! -d "$home/tempest" ]; then
        "$home/venv/bin/tempest" init --workspace-path "$home/workspaces.yaml" "$home/tempest"
    fi
    say 'the clouds and fractus in front of them'
    "$realcloud" install
    "$realcloud" up east --keystone shared
    "$realcloud" up west --keystone own
    CONFORMANCE_CLOUDS_YAML=$("$realcloud" clouds-yaml) "$python" "$here/stand.py" "$home"
}

# Run the tests that match a pattern and keep what came out of each in results/NAME.tsv.
run() {
    local name=$1 mode=$2 regex=$3
    say "$name: $regex"
    # Accounts that a run which was broken off has not given back.
    rm -rf "$home/lock" && mkdir "$home/lock"
    cd "$home/tempest"
    "$home/venv/bin/tempest" run --config-file "$home/tempest/etc/$mode.conf" --regex "$regex" \
        --concurrency "$workers" > "$home/results/$name.log" 2>&1 || true
    "$home/venv/bin/stestr" last --subunit > "$home/results/$name.subunit" || true
    "$home/venv/bin/python" "$here/outcomes.py" "$home/results/$name.subunit" > "$home/results/$name.tsv"
    cut -f2 "$home/results/$name.tsv" | sort | uniq -c | paste -sd' '
}

slice() {
    local mode regex
    read -r mode regex < <(awk -v name="$1" '$1 == name {print $2, $3}' "$here/slices.txt")
    if [ -z "$regex" ]; then echo "no slice $1 in slices.txt" >&2; exit 2; fi
    run "$1" "$mode" "$regex"
}

case "${1:-}" in
    up) up ;;
    down) "$python" -m fractus down ;;
    restart) "$python" -m fractus down; "$python" -m fractus up --detach --no-demo ;;
    regex) run "${4:-regex}" "$2" "$3" ;;
    report) "$python" "$here/report.py" "$home/results" "$here/bar.tsv" "$here/must.txt" "$top/docs" ;;
    all) for name in $(awk '!/^#/ {print $1}' "$here/slices.txt"); do slice "$name"; done ;;
    ''|-*) sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//' ;;
    *) for name in "$@"; do slice "$name"; done ;;
esac
