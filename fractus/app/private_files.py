"""What only its owner may read: a file that was restored from a backup has whatever mode the backup gave it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from fractus.base.log import logger
from fractus.settings.loading import Settings, SettingsError
from fractus.store import opening

log = logger("app.private_files")

#: What others may do: read, write, enter.
_OTHERS = 0o077


def tighten(settings: Settings) -> None:
    """Take from others what they may do with the state directory and all in it that may hold a secret.

    Raises `SettingsError` with a sentence where that is not ours to change. The key of the vault is left to who opens
    it, and refused there: it may have been read already.
    """
    for path in _secret(settings):
        try:
            found = path.lstat()
        except FileNotFoundError:
            continue
        mode = stat.S_IMODE(found.st_mode)
        if stat.S_ISLNK(found.st_mode) or not mode & _OTHERS:
            continue
        try:
            path.chmod(mode & ~_OTHERS)
        except OSError as error:
            raise SettingsError(
                f"{path} may be read by others (mode {mode:o}), and cannot be changed ({error.strerror}): "
                f"run chmod go= {path} as its owner."
            ) from error
        # Of directories it is the rule (an umask), of files in them the exception.
        tell = log.info if stat.S_ISDIR(found.st_mode) else log.warning
        tell("could be read by others, and cannot any more", path=str(path), mode=f"{mode:o}")


def _secret(settings: Settings) -> Iterator[Path]:
    """The database, settings, entries and copies of them beside them, and all of the embedded Keystone's."""
    state, key = settings.state_dir, Path(settings.auth.key_file)
    if opening.is_file(settings.store.url):
        database = opening.path_of(settings.store.url)
        yield from (database.with_name(database.name + end) for end in ("", "-wal", "-shm", "-journal"))
    if not state.is_dir():
        return
    yield state
    yield from (path for path in _files(state) if path != key)
    for directory, _, names in os.walk(state / "keystone"):
        yield Path(directory)
        yield from (Path(directory, name) for name in names)


def _files(directory: Path) -> Iterator[Path]:
    with os.scandir(directory) as found:
        yield from (Path(one.path) for one in found if one.is_file(follow_symlinks=False))
