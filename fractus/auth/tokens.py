"""Tokens: who a token speaks for, checked with Keystone once and then from memory."""

from __future__ import annotations

from typing import Protocol

from fractus.auth.principal import Principal


class TokenChecker(Protocol):
    """Says who a token speaks for."""

    async def check(self, token: str) -> Principal:
        """The caller; `Unauthorized` for a token that is unknown, revoked, expired or unscoped; `Unavailable` where
        Keystone cannot be asked.
        """
        ...
