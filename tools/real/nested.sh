#!/usr/bin/env bash
# Puts a fractus in front of two others and walks it with the stock clients: `make real-nested`.
#
# The child east is a fractus over two simulated clouds, west is another one; REAL_CLOUDS="east west" puts that in front
# of real clouds, which must be up (tools/realcloud). KEEP=1 leaves the three up, in the directory that is said.
#   tools/real/nested.sh [arguments of pytest]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
python=${PYTHON:-python3}
export REALCLOUD="$top/tools/realcloud/realcloud"
say() { printf '%(%H:%M:%S)T  %s\n' -1 "$*"; }

work=$(mktemp -d)
finish() {
    status=$?
    if [ "$status" -ne 0 ]; then
        say "failed; the logs of the upper fractus:"
        tail -n 40 "$work"/state/log/*.log || true
    fi
    if [ -n "${KEEP:-}" ]; then
        say "they are left up, in $work"
        exit "$status"
    fi
    for floor in state lower-east lower-west; do
        if [ -d "$work/$floor" ]; then FRACTUS_STATE="$work/$floor" "$python" -m fractus down || true; fi
    done
    rm -rf "$work"
    exit "$status"
}
trap finish EXIT

clouds=()
if [ -n "${REAL_CLOUDS:-}" ]; then
    read -ra clouds <<<"$REAL_CLOUDS"
    export FRACTUS_REAL_CLOUDS_YAML; FRACTUS_REAL_CLOUDS_YAML=$("$REALCLOUD" clouds-yaml)
fi
export FRACTUS_QUOTA_UNLIMITED=true
# The walk looks whether anything is left in a child when its servers are gone, default groups too.
export FRACTUS_WORK_KEEP_UNNEEDED=5
say 'a fractus in front of two others'
PYTHONPATH="$top" "$python" "$here/nested.py" "$work" "${clouds[@]}"
export FRACTUS_STATE="$work/state"
export FRACTUS_REAL_NESTED=1
export FRACTUS_REAL_CLOUDS_YAML="$work/children.yaml"
export FRACTUS_REAL_CLOUDS=east-admin,west-admin
export FRACTUS_REAL_STAND="$work"
say 'the walk'
tests=("$top/tests/real/test_nested.py" "$top/tests/real/test_walk.py" "$top/tests/real/test_sdk_walk.py")
# The stock clients are other people's code: their warnings are theirs.
"$python" -m pytest "${tests[@]}" -m real -o filterwarnings=default -o timeout=900 -p no:cacheprovider --durations=10 "$@"
