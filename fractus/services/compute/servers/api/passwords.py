"""The first password of a server's administrator: the user's, or one that is made up and shown once, in the answer.

It is needed again whenever the server is made in a cloud, which is later than the request, so it is kept; but sealed,
with a key that is not in the database. Without such a key (`Dependencies.secrets` is None) fractus has no passwords:
none is made up, and one that is given is refused by name.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Protocol

#: What is distinguished when read aloud; a password has at least one of each. Nova's own lengths and alphabets.
_ALPHABETS = ("23456789", "ABCDEFGHJKLMNPQRSTUVWXYZ", "abcdefghijkmnopqrstuvwxyz")
_LENGTH = 12


class Secrets(Protocol):
    """What seals: `auth.vault.Vault` is one."""

    def seal(self, document: dict[str, Any]) -> bytes:
        """A document, unreadable without the key."""
        ...


def first_password(asked: Mapping[str, Any]) -> str:
    """What the user gave, or a new one."""
    given: str = asked.get("adminPass") or ""
    if given:
        return given
    letters = [secrets.choice(alphabet) for alphabet in _ALPHABETS]
    letters += [secrets.choice("".join(_ALPHABETS)) for _ in range(_LENGTH - len(letters))]
    secrets.SystemRandom().shuffle(letters)
    return "".join(letters)


def sealed(keeper: Secrets, password: str) -> str:
    """As it is kept in what is desired of a server."""
    return keeper.seal({"admin_pass": password}).decode("ascii")
