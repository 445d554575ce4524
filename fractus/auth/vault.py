"""The vault: credentials of child clouds, encrypted with a key that is not in the database.

The key file holds one Fernet key a line; the first seals, all open. To change the key, `rotate` puts a new one first;
when everything has been sealed again with `reseal`, `retire` drops the others. Processes that run notice by themselves:
a vault looks at its file again whenever that has changed.
"""

from __future__ import annotations

import base64
import contextlib
import os
import stat
from pathlib import Path
from typing import Any

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from fractus.base.files import sync_directory


class VaultError(Exception):
    """The vault cannot be used; the text says why, and never holds a key or a secret."""


class Vault:
    """Seals and opens small documents."""

    def __init__(self, keys: list[str], path: Path | None = None) -> None:
        """`path`: the file that they were read from, if it is to be followed."""
        self._made = _fernet(keys)
        self._keys = keys
        self._path = path
        self._stamp = _stamp(path)

    @property
    def _fernet(self) -> MultiFernet:
        """The keys as they are now. A file that cannot be read, or is only half there, changes nothing."""
        stamp = _stamp(self._path)
        if self._path is not None and stamp is not None and stamp != self._stamp:
            with contextlib.suppress(VaultError):
                self._made = _fernet(_read(self._path))
                self._stamp = stamp
        return self._made

    @classmethod
    def load(cls, path: Path, *, create: bool = False) -> Vault:
        """The vault of a key file, which only its owner may read or write (0600); made where `create` and it is not
        there. `VaultError` where it cannot be used.
        """
        if create and not path.exists():
            _write_new(path, [Fernet.generate_key().decode()])
        return cls(_read(path), path)

    def seal(self, document: dict[str, Any]) -> bytes:
        """Encrypt a document with the first key."""
        return self._fernet.encrypt(msgspec.json.encode(document))

    def open(self, sealed: bytes) -> dict[str, Any]:
        """Decrypt a document; `VaultError` where no key of ours sealed it, or it was changed since."""
        try:
            document: dict[str, Any] = msgspec.json.decode(self._fernet.decrypt(sealed), type=dict[str, Any])
        except (InvalidToken, TypeError, msgspec.DecodeError):
            raise VaultError("sealed with another key, or damaged") from None
        return document

    def reseal(self, sealed: bytes) -> bytes:
        """The same document, sealed with the first key."""
        try:
            return self._fernet.rotate(sealed)
        except InvalidToken:
            raise VaultError("sealed with another key, or damaged") from None

    def is_newest(self, sealed: bytes) -> bool:
        """Whether the first key alone opens it, so that it outlives `retire`."""
        if self._path is None:
            raise VaultError("a vault without a key file has no newest key")
        try:
            Vault(_read(self._path)[:1]).open(sealed)
        except VaultError:
            return False
        return True

    def derived(self, purpose: str) -> list[bytes]:
        """Keys of 32 bytes for another purpose, one for each of ours; they tell nothing of those they come from.

        A key file that changes later is not followed: who holds these goes on with them until it starts anew.
        """
        return [
            HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(seed)
            for seed in map(base64.urlsafe_b64decode, self._keys)
        ]

    def __repr__(self) -> str:
        """No key."""
        return "Vault(***)"

    def __reduce__(self) -> Any:
        """A vault is not written anywhere."""
        raise TypeError("a vault cannot be pickled")


def rotate(path: Path) -> Vault:
    """Put a new key first in a key file, keep the others, and return the vault with all of them."""
    keys = [Fernet.generate_key().decode(), *_read(path)]
    _replace(path, keys)
    return Vault(keys, path)


def retire(path: Path) -> Vault:
    """Keep only the first key of a key file; what was sealed with the others can then not be opened any more."""
    keys = _read(path)[:1]
    _replace(path, keys)
    return Vault(keys, path)


def count(path: Path) -> int:
    """How many keys a key file holds: more than one while a change of the key is under way."""
    return len(_read(path))


def _fernet(keys: list[str]) -> MultiFernet:
    if not keys:
        raise VaultError("the key file holds no key")
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError:
        raise VaultError("a line of the key file is not a Fernet key") from None


def _stamp(path: Path | None) -> tuple[int, int] | None:
    """What changes when a file is replaced."""
    if path is None:
        return None
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _read(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise VaultError(
                    f"the key file {path} may be read by others (mode {mode:o}): run chmod 600 {path}"
                )
            text = file.read().decode("ascii")
    except OSError as error:
        raise VaultError(f"the key file {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise VaultError(f"the key file {path} holds no Fernet keys") from None
    return [line.strip() for line in text.splitlines() if line.strip()]


def _write_new(path: Path, keys: list[str]) -> None:
    """Write a key file that is never readable by others, not even for a moment; VaultError where there is one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise VaultError(f"the key file {path} cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write("".join(f"{key}\n" for key in keys))
        file.flush()
        os.fsync(file.fileno())
    sync_directory(path.parent)


def _replace(path: Path, keys: list[str]) -> None:
    """Exchange a key file in one step: a crash leaves the old one or the new one, never half of one."""
    beside = path.with_name(f"{path.name}.new")
    beside.unlink(missing_ok=True)
    _write_new(beside, keys)
    os.replace(beside, path)
    sync_directory(path.parent)
