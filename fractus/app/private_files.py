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
#: The same of those who are not in the group either. What another owner shares with a group is his to decide.
_EVERYBODY = 0o007


def tighten(settings: Settings) -> None:
    """Take from others what they may do with the state directory and all in it that may hold a secret.

    Raises `SettingsError` with a sentence where a file of ours (database, Keystone) is not ours to change. The key of
    the vault is left to who opens it, and refused there: it may have been read already. What somebody else put into the
    state directory, or the directory itself where somebody else made it (a volume), stays as its owner wants it: closed
    it could not even be read by us.
    """
    ours = list(_ours(settings))
    for path in ours:
        _tighten(path, must=True)
    done = {*ours, *_judged_elsewhere(settings)}
    for path in _beside(settings):
        if path not in done:
            _tighten(path, must=False)


def _tighten(path: Path, *, must: bool) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    mode = stat.S_IMODE(found.st_mode)
    if stat.S_ISLNK(found.st_mode) or not mode & _OTHERS:
        return
    try:
        path.chmod(mode & ~_OTHERS)
    except FileNotFoundError:
        return  # its writer has given it its name meanwhile
    except OSError as error:
        why = f"{path} may be read by others (mode {mode:o}), and cannot be changed ({error.strerror})"
        if must:
            raise SettingsError(f"{why}: run chmod go= {path} as its owner.") from error
        if mode & _EVERYBODY:
            log.warning("can be read by others, and is not ours to change", path=str(path), mode=f"{mode:o}")
        return
    # Of directories it is the rule (an umask), of files in them the exception.
    write = log.info if stat.S_ISDIR(found.st_mode) else log.warning
    write("could be read by others, and cannot any more", path=str(path), mode=f"{mode:o}")


def _ours(settings: Settings) -> Iterator[Path]:
    """The database, and all of the embedded Keystone's: written by nobody but fractus."""
    if opening.is_file(settings.store.url):
        database = opening.path_of(settings.store.url)
        yield from (database.with_name(database.name + end) for end in ("", "-wal", "-shm", "-journal"))
    for directory, _, names in os.walk(settings.state_dir / "keystone"):
        yield Path(directory)
        yield from (Path(directory, name) for name in names)


def _beside(settings: Settings) -> Iterator[Path]:
    """The state directory, and settings, entries and copies of them in it."""
    if settings.state_dir.is_dir():
        yield settings.state_dir
        yield from _files(settings.state_dir)


def _judged_elsewhere(settings: Settings) -> Iterator[Path]:
    """Files with rules of their own: the key of the vault, and the API's certificate, whose key a group may read."""
    api = settings.api
    yield from (
        Path(name) for name in (settings.auth.key_file, api.tls_cert, api.tls_key, api.tls_ca) if name
    )


def _files(directory: Path) -> Iterator[Path]:
    with os.scandir(directory) as found:
        yield from (Path(one.path) for one in found if one.is_file(follow_symlinks=False))
