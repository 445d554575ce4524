"""Files are exchanged whole."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from fractus.auth import vault
from fractus.base.files import put
from fractus.local import clouds_yaml
from fractus.settings import loading
from fractus.store import migrate


def test_who_has_begun_to_read_goes_on_with_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    put(path, b"before")
    with path.open("rb") as reading:
        put(path, b"after")
        assert reading.read() == b"before"
    assert path.read_bytes() == b"after"
    assert list(tmp_path.iterdir()) == [path]


def test_a_secret_is_nobody_elses_however_the_file_was(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"for all")
    put(path, b"for its owner", mode=0o600)
    assert path.stat().st_mode & 0o777 == 0o600


class Disk:
    """What was synced: the names of files and directories, by what they had when it happened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.synced: list[str] = []
        sync = os.fsync

        def fsync(handle: int) -> None:
            self.synced.append(os.path.realpath(f"/proc/self/fd/{handle}"))
            sync(handle)

        monkeypatch.setattr(os, "fsync", fsync)


def _vault(directory: Path) -> Path:
    path = directory / "vault.key"
    vault.Vault.load(path, create=True)
    vault.rotate(path)
    return path


def _remembered(directory: Path) -> Path:
    loading.remember(directory, {"api": {"port": 9000}})
    return directory / loading.REMEMBERED


def _entries(directory: Path) -> Path:
    path = directory / "clouds.yaml"
    clouds_yaml.write_own(path, {"fractus": {"auth": {"password": "p"}}})
    return path


def _database(directory: Path) -> Path:
    path = directory / "fractus.db"
    migrate.upgrade(f"sqlite:///{path}", migrate=True)
    return path


def _plain(directory: Path) -> Path:
    put(directory / "kept", b"all of it")
    return directory / "kept"


@pytest.mark.parametrize("write", [_plain, _vault, _remembered, _entries, _database])
def test_what_is_exchanged_whole_is_on_the_disk_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], Path]
) -> None:
    """The bits before the name, and then the directory that has the name."""
    disk = Disk(monkeypatch)
    path = write(tmp_path)
    directory = os.path.realpath(tmp_path)
    files = [one for one in disk.synced if os.path.dirname(one) == directory]
    assert path.exists()
    assert files
    assert directory in disk.synced[disk.synced.index(files[0]) :]


def test_what_need_not_outlive_the_machine_waits_for_no_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    put(tmp_path / "request", b"soon another", lasting=False)
    assert (tmp_path / "request").read_bytes() == b"soon another"
    assert disk.synced == []


def _refuse(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Have directories refuse to be synced."""
    sync = os.fsync

    def fsync(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(number, os.strerror(number))
        sync(handle)

    monkeypatch.setattr(os, "fsync", fsync)


@pytest.mark.parametrize("write", [_plain, _vault, _remembered, _entries, _database])
def test_a_file_system_that_syncs_no_directories_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], Path]
) -> None:
    _refuse(monkeypatch, errno.EINVAL)
    assert write(tmp_path).exists()


@pytest.mark.parametrize("write", [_plain, _entries])
def test_a_disk_that_fails_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], Path]
) -> None:
    _refuse(monkeypatch, errno.EIO)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        write(tmp_path)
