#!/usr/bin/env bash
# The tests that tell whether the program is the same on a database server, on each of the two that
# FRACTUS_TEST_MARIADB and FRACTUS_TEST_POSTGRESQL name (tools/databases/databases run). Arguments: for pytest.
set -euo pipefail

tests=(
    tests/unit/store tests/unit/addressing tests/unit/quota
    tests/api/test_boot.py tests/api/test_lives.py tests/api/test_many.py tests/api/test_paging.py
    tests/api/test_lost_transactions.py tests/crash/test_server_stories.py
)
# What is about SQLite's own file, or costs much and asks a server nothing that another test does not.
without=(
    --ignore=tests/unit/store/test_sqlite.py --ignore=tests/unit/store/test_migrate.py
    --ignore=tests/unit/store/test_patterns.py --ignore=tests/unit/store/test_dialects.py
)
for url in "$FRACTUS_TEST_MARIADB" "$FRACTUS_TEST_POSTGRESQL"; do
    printf '\n=== %s\n' "${url%%:*}"
    FRACTUS_TEST_STORE=$url python -m pytest -q "${without[@]}" "${tests[@]}" "$@"
done
