"""Files with secrets that others may read, as a backup leaves them."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from fractus.app import private_files, wiring
from fractus.auth.vault import VaultError
from fractus.notify.node import LocalNotifier
from fractus.settings.loading import Settings, SettingsError, load


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of a state directory that was used."""
    settings_given = load(tmp_path / "state", environ={})
    _open(settings_given)
    (settings_given.state_dir / "keystone" / "keys" / "fernet").mkdir(parents=True)
    names = (
        "keystone/secrets.json",
        "keystone/keys/fernet/1",
        "clouds.yaml",
        "fractus.db.bak",
        "fractus.toml",
    )
    for name in names:
        (settings_given.state_dir / name).write_text("{}" if name.endswith(".json") else "")
    return settings_given


def _open(settings: Settings) -> None:
    async def once() -> None:
        await wiring.core(settings, notifier=LocalNotifier()).close()

    asyncio.run(once())


def _wide(settings: Settings) -> list[str]:
    """What others may read, but for images and logs."""
    found = []
    for directory, directories, names in os.walk(settings.state_dir):
        directories[:] = [name for name in directories if name not in ("images", "log", "run")]
        paths = [Path(directory), *(Path(directory, name) for name in names)]
        found += [str(path) for path in paths if path.stat().st_mode & 0o077]
    return found


def test_whoever_opens_them_takes_them_from_others(settings: Settings) -> None:
    key = Path(settings.auth.key_file)
    for directory, _, names in os.walk(settings.state_dir):
        Path(directory).chmod(0o755)
        for name in names:
            Path(directory, name).chmod(0o644)
    key.chmod(0o600)
    assert len(_wide(settings)) > 6
    _open(settings)
    assert _wide(settings) == []


def test_the_key_of_the_vault_is_refused(settings: Settings) -> None:
    """It may have been read already: its owner shall know."""
    Path(settings.auth.key_file).chmod(0o644)
    with pytest.raises(VaultError, match=r"may be read by others \(mode 644\): run chmod 600"):
        _open(settings)


def test_what_is_not_ours_to_change_is_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    database = settings.state_dir / "fractus.db"
    database.chmod(0o644)

    def chmod(path: Path, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", chmod)
    with pytest.raises(SettingsError, match=r"fractus.db may be read by others \(mode 644\)"):
        private_files.tighten(settings)


def _of_another_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    def chmod(path: Path, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", chmod)


def test_what_another_owner_put_there_stays_as_it_is(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings of root that the group of fractus may read, and a volume that is mounted as the state directory."""
    private_files.tighten(settings)
    (settings.state_dir / "fractus.toml").chmod(0o640)
    (settings.state_dir / "notes").write_text("")
    (settings.state_dir / "notes").chmod(0o644)
    settings.state_dir.chmod(0o2775)
    _of_another_owner(monkeypatch)
    private_files.tighten(settings)


def test_a_certificate_in_the_state_directory_is_judged_by_its_own_rules(settings: Settings) -> None:
    cert, key = settings.state_dir / "cert.pem", settings.state_dir / "key.pem"
    for path, mode in ((cert, 0o644), (key, 0o640)):
        path.write_text("")
        path.chmod(mode)
    settings_given = {"api": {"tls_cert": "{state}/cert.pem", "tls_key": "{state}/key.pem"}}
    private_files.tighten(load(settings.state_dir, overrides=settings_given, environ={}))
    assert [path.stat().st_mode & 0o777 for path in (cert, key)] == [0o644, 0o640]


def test_what_goes_away_meanwhile_is_no_trouble(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that another process writes under a name of its own first."""
    (settings.state_dir / "remembered.json.new").write_text("")
    (settings.state_dir / "remembered.json.new").chmod(0o644)
    (settings.state_dir / "fractus.db").chmod(0o644)

    def chmod(path: Path, mode: int) -> None:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(Path, "chmod", chmod)
    private_files.tighten(settings)
