"""The secrets of a deployment: passwords and keys, made once in a file beside the inventory, and never printed.

The file is TOML with mode 0600. What is missing in it is made and added, what is there is never changed, so rendering
again gives the same bytes. `rotate_fernet` is the one change that is asked for.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
import tomllib
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

from fractus.base.files import sync_directory
from fractus.deploy.inventory import Inventory, InventoryError

#: 192 bits, of letters that need no escape in any of the files.
_BYTES = 24

#: Passwords that are made: their names, and for whom.
PASSWORDS = (
    "database-root",
    "database-fractus",
    "database-keystone",
    "database-health",
    "broker-fractus",
    "broker-cookie",
    "keystone-admin",
    "keystone-fractus",
    "statistics",
    "vrrp",
)

#: Fernet keys that Keystone has at a time: one staged, one that signs, and those that tokens of the last days need.
_KEPT = 5


class Secrets:
    """What is in the file. Has no repr of its content."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """`document`: the file, parsed."""
        self._passwords: Mapping[str, str] = document.get("passwords", {})
        self.fernet: Mapping[str, str] = document.get("fernet", {})
        """Keystone's keys by their file names: 0 is staged, the highest signs."""
        self.credential: Mapping[str, str] = document.get("credential", {})
        self.vault: list[str] = list(document.get("vault", []))
        """The keys that seal the credentials of clouds; the first seals, all open."""

    def __getitem__(self, name: str) -> str:
        """A password by its name; `InventoryError` where the file has none."""
        try:
            return self._passwords[name]
        except KeyError as error:
            raise InventoryError(f"The secrets have no password {name!r}.") from error

    def password_of_fence(self, node: str) -> str:
        """What switches a node off; empty until the operator has written it down."""
        return self._passwords.get(f"fence-{node}", "")

    def twice(self) -> list[list[str]]:
        """Names that have the same password, together."""
        groups: dict[str, list[str]] = {}
        for name, value in self._passwords.items():
            if value:
                groups.setdefault(value, []).append(name)
        return [names for names in groups.values() if len(names) > 1]

    def short(self) -> list[str]:
        """Names of passwords under 16 letters; VRRP itself has eight."""
        return [name for name, value in self._passwords.items() if name != "vrrp" and len(value) < 16]

    def __repr__(self) -> str:
        """Nothing of it."""
        return "Secrets(***)"


def place(inventory_file: Path, inventory: Inventory) -> Path:
    """Where the secrets of an inventory are."""
    return inventory_file.parent / inventory.deployment.secrets


def read(path: Path) -> Secrets | None:
    """The secrets, or None where the file is not there yet; `InventoryError` where others may read it."""
    document = _read(path)
    return None if document is None else Secrets(document)


def load_or_make(path: Path, inventory: Inventory) -> Secrets:
    """The secrets, with everything that this inventory needs; what was missing is made and written."""
    found = _read(path)
    document: dict[str, Any] = dict(found or {})
    passwords = dict(document.get("passwords", {}))
    for name in PASSWORDS:
        passwords.setdefault(name, _made(name))
    for node in inventory.node:
        if node.fence is not None:
            passwords.setdefault(f"fence-{node.name}", "")
    document["passwords"] = passwords
    for repository in ("fernet", "credential"):
        document.setdefault(repository, {"0": _key(), "1": _key()})
    document.setdefault("vault", [_key()])
    if document != found:
        _write(path, document)
    return Secrets(document)


def rotate_fernet(path: Path) -> None:
    """Change the key that signs tokens, as keystone-manage does: the staged key signs, a new one is staged.

    Every node has known the staged key since the last change, so it does not matter which node gets the new files
    first.
    """
    document = _read(path)
    if document is None:
        raise InventoryError(f"There are no secrets at {path} yet: render first.")
    keys: dict[str, str] = dict(document.get("fernet", {}))
    keys[str(max(map(int, keys)) + 1)] = keys["0"]
    keys["0"] = _key()
    oldest_first = sorted((name for name in keys if name != "0"), key=int)
    for name in oldest_first[: max(0, len(oldest_first) - _KEPT + 1)]:
        del keys[name]
    _write(path, {**document, "fernet": keys})


def _made(name: str) -> str:
    if name == "vrrp":  # VRRP reads eight letters and no more
        return secrets.token_hex(4)
    if name == "broker-cookie":
        return uuid.uuid4().hex.upper()
    return secrets.token_urlsafe(_BYTES)


def _key() -> str:
    return Fernet.generate_key().decode()


def _read(path: Path) -> dict[str, Any] | None:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise InventoryError(
                    f"The secrets {path} may be read by others (mode {mode:o}): run chmod 600 {path}"
                )
            return tomllib.load(file)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InventoryError(f"The secrets {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        # The parser's own words could quote a line.
        raise InventoryError(f"The secrets {path} are not TOML.") from error


def _write(path: Path, document: Mapping[str, Any]) -> None:
    lines = [
        "# Passwords and keys of a fractus deployment. Keep a copy in a safe place, and never in a repository.",
        "",
    ]
    lines.append("# The keys that seal the credentials of clouds: without them those credentials are lost.")
    lines.append(f"vault = {json.dumps(document['vault'])}")
    for section in ("passwords", "fernet", "credential"):
        lines += ["", f"[{section}]"]
        lines += [f"{json.dumps(name)} = {json.dumps(value)}" for name, value in document[section].items()]
    fresh = path.with_name(path.name + ".new")
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
            out.write("\n".join(lines) + "\n")
            out.flush()
            os.fsync(out.fileno())
        os.replace(fresh, path)
        sync_directory(path.parent)
    except OSError as error:
        raise InventoryError(f"The secrets {path} cannot be written: {error.strerror}.") from error
