#!/usr/bin/env bash
# Builds the wheel, installs it as a user would, and starts fractus from it: outside the checkout, with an empty home,
# on ports that are free. `make wheel`, with the environment of `make` on PATH. Dependencies are installed in the versions
# of the lock; with NEWEST=1 in the newest that fit, as a user gets them.
#
#   tools/wheel/run.sh            one round with `pip install`, one with `uv tool install`
#   tools/wheel/run.sh pip|uv     one of them
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
uv=$(command -v uv)
python=$(command -v python)
say() { printf '%(%H:%M:%S)T  %s\n' -1 "$*"; }

finish() {
    status=$?
    if [ -x "$work/fractus" ]; then alone "$work/fractus" down || true; fi
    if [ "$status" -ne 0 ]; then tail -n 40 "$work"/state/log/*.log || true; fi
    rm -rf "$work"
    exit "$status"
}
trap finish EXIT

# Run a command with nothing of the checkout around it: neither its environment, nor its directory, nor a home. What
# tells package clients where to get packages stays.
alone() {
    (
        for name in $(compgen -e | grep -E '^(FRACTUS_|OS_|XDG_|PYTHON|VIRTUAL_ENV)'); do unset "$name"; done
        mkdir -p "$work/home" "$work/empty"
        cd "$work/empty"
        HOME=$work/home PATH=/usr/local/bin:/usr/bin:/bin FRACTUS_STATE=$work/state \
            FRACTUS_WORK_METRICS_PORT=$(free_port) "$@"
    )
}

free_port() { "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

try() { # how, and the command that it installed
    ln -sf "$2" "$work/fractus"
    alone "$work/fractus" --version
    alone "$work/fractus" up --detach --port "$(free_port)" --keystone-port "$(free_port)"
    alone "$work/fractus" status
    alone "$work/fractus" cloud list
    alone "$work/fractus" down
    say "$1: well"
    rm -rf "$work/state" "$work/fractus" "$work/home"
}

by_pip() {
    "$python" -m venv "$work/pip"
    alone "$work/pip/bin/pip" install -qq --disable-pip-version-check --constraint "$versions" "$wheel"
    try 'pip install' "$work/pip/bin/fractus"
}

by_uv() {
    # The command that is to be tried with it, as the README says.
    alone env UV_TOOL_DIR="$work/tools" UV_TOOL_BIN_DIR="$work/bin" UV_PYTHON_DOWNLOADS=never \
        UV_CACHE_DIR="${UV_CACHE_DIR:-$("$uv" cache dir)}" \
        "$uv" tool install --quiet --python "$python" --with-executables-from python-openstackclient \
        --constraints "$versions" "$wheel"
    "$work/bin/openstack" --version
    try 'uv tool install' "$work/bin/fractus"
}

say 'the wheel'
(cd "$top" && "$python" -m hatchling build --target wheel --directory "$work/dist" >/dev/null 2>&1)
wheel=$(echo "$work"/dist/*.whl)
versions=$work/versions.txt
if [ -n "${NEWEST:-}" ]; then :; else grep -oE '^[^ ]+==[^ ]+' "$top/requirements.lock"; fi >"$versions"
for way in ${*:-pip uv}; do
    say "$way"
    "by_$way"
done
