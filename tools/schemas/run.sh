#!/bin/sh
# Judges our answers to all routes of compute by Nova's own schemas. Needs the services of tools/realcloud installed.
#   tools/schemas/run.sh [OLDEST NEWEST]     minor versions; default: all
set -eu
cd "$(dirname "$0")/../.."
answers=$(mktemp)
trap 'rm -f "$answers"' EXIT
python -m tools.schemas.answers "$answers" "$@"
tools/realcloud/realcloud python tools/schemas/judge.py "$answers"
