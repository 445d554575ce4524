"""Run as a program: lays out the database of a Keystone of ours (embedded, or of a deployment), and the admin in it.

    python -m fractus.local.keystone_setup KEYSTONE_CONF

These are two commands of `keystone-manage`. Each of them takes 1.5 s to import what it needs and a third of that to do
its work, and neither can run twice in one process (its options can be registered only once): so the imports are made
once, and each command runs in a fork. Both are idempotent. The admin comes from the OS_BOOTSTRAP_* variables.
"""

from __future__ import annotations

import configparser
import contextlib
import importlib
import os
import sqlite3
import sys
from typing import Any


def main(arguments: list[str]) -> int:
    """Lay out the database and make the admin; the exit code of the first command that fails, else 0."""
    config = arguments[0]
    manage: Any = importlib.import_module("keystone.cmd.cli")
    for command in ("db_sync", "bootstrap"):
        code = _forked(manage, ["keystone-manage", "--config-file", config, command])
        if code:
            return code
        if command == "db_sync":
            _let_readers_and_the_writer_pass(config)
    return 0


def _forked(manage: Any, argv: list[str]) -> int:
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    # Only this thread exists here, and the fork leaves without running what the parent will run at its end.
    code = 1
    try:
        manage.main(argv)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _let_readers_and_the_writer_pass(config: str) -> None:
    """Write-ahead logging, a property of SQLite's file: no request waits for another's commit."""
    path = _file(config)
    if path is not None:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")


def held_open(config: str) -> sqlite3.Connection | None:
    """A connection to Keystone's database, to be kept for as long as a process serves it; None where it is no file.

    Keystone opens the file anew for each request. What lies beside a file with a write-ahead log is made by who opens
    it first and removed by who closes it last, so on a full disk it could not even be read.
    """
    path = _file(config)
    if path is None:
        return None
    connection = sqlite3.connect(path)
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return connection


def _file(config: str) -> str | None:
    """The file of the database that a keystone.conf names; None where it names a server, which needs none of this."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(config)
    connection_url = parser.get("database", "connection", fallback="")
    if not connection_url.startswith("sqlite:///"):
        return None
    return connection_url.removeprefix("sqlite:///").replace("$$", "$")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
