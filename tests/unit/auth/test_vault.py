"""The vault and its key file."""

from __future__ import annotations

import os
import pickle
import stat
from pathlib import Path

import pytest

from fractus.auth import vault as vaults
from fractus.auth.vault import Vault, VaultError

SECRET = {"auth": {"username": "u", "password": "hunter2"}, "region_name": "r"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "vault.key"


def test_what_is_sealed_can_be_opened_and_is_not_readable(path: Path) -> None:
    vault = Vault.load(path, create=True)
    sealed = vault.seal(SECRET)
    assert b"hunter2" not in sealed
    assert vault.open(sealed) == SECRET
    assert Vault.load(path).open(sealed) == SECRET
    assert vault.seal(SECRET) != sealed


def test_the_key_file_is_the_owners_alone(path: Path) -> None:
    old = os.umask(0)
    try:
        Vault.load(path, create=True)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for mode in (0o640, 0o604, 0o660):
        path.chmod(mode)
        with pytest.raises(VaultError, match="chmod 600"):
            Vault.load(path)


def test_a_key_file_that_is_there_is_never_made_anew(path: Path) -> None:
    sealed = Vault.load(path, create=True).seal(SECRET)
    assert Vault.load(path, create=True).open(sealed) == SECRET


def test_without_a_key_there_is_no_vault(path: Path) -> None:
    with pytest.raises(VaultError, match="cannot be read"):
        Vault.load(path)
    path.parent.mkdir()
    for text, complaint in [
        ("", "holds no key"),
        ("\n\n", "holds no key"),
        ("abc\n", "not a Fernet key"),
        ("é", "no Fernet"),
    ]:
        path.write_text(text)
        path.chmod(0o600)
        with pytest.raises(VaultError, match=complaint) as caught:
            Vault.load(path)
        assert "abc" not in str(caught.value)


def test_what_was_damaged_or_sealed_elsewhere_is_refused(path: Path, tmp_path: Path) -> None:
    vault = Vault.load(path, create=True)
    sealed = vault.seal(SECRET)
    other = Vault.load(tmp_path / "other.key", create=True)
    for bad in (sealed[:-5] + b"AAAA=", b"", b"garbage", other.seal(SECRET)):
        with pytest.raises(VaultError, match="another key, or damaged"):
            vault.open(bad)
        with pytest.raises(VaultError, match="another key, or damaged"):
            vault.reseal(bad)


def test_keys_are_changed_without_losing_anything(path: Path) -> None:
    first = Vault.load(path, create=True)
    sealed = first.seal(SECRET)
    both = vaults.rotate(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert both.open(sealed) == SECRET
    resealed = both.reseal(sealed)
    # A process that knew the old key alone follows the file, both ways.
    assert first.open(resealed) == SECRET
    assert first.is_newest(resealed)
    assert not first.is_newest(sealed)
    second = vaults.retire(path)
    for vault in (first, both, second, Vault.load(path)):
        assert vault.open(resealed) == SECRET
        with pytest.raises(VaultError):
            vault.open(sealed)
    assert len(path.read_text().split()) == 1
    assert list(path.parent.iterdir()) == [path]


def test_a_vault_is_never_printed(path: Path) -> None:
    vault = Vault.load(path, create=True)
    key = path.read_text().strip()
    assert key not in f"{vault} {vault!r} {[vault]}"
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(vault)
