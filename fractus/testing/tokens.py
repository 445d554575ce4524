"""Tokens and projects without a Keystone: handed out by a test, good until they are revoked or run out."""

from __future__ import annotations

import itertools

from fractus.auth.principal import Principal
from fractus.base.clock import Clock
from fractus.model.errors import Unauthorized, Unavailable


class StaticTokens:
    """Implements `fractus.auth.tokens.TokenChecker` and `fractus.auth.projects.ProjectLookup`."""

    def __init__(self, clock: Clock) -> None:
        """No token is known yet."""
        self._clock = clock
        self._known: dict[str, Principal] = {}
        self._numbers = itertools.count(1)
        self.projects: set[str] = set()
        """Ids of the projects that there are: those of all tokens that were issued, and what a test adds."""
        self.asked_for_projects: list[str] = []
        self.down = False
        """Whether the (imagined) Keystone does not answer."""

    def issue(self, principal: Principal) -> str:
        """A new token for `principal`."""
        token = f"token-{next(self._numbers)}-{principal.user_name or principal.user_id}"
        self._known[token] = principal
        self.projects.add(principal.project_id)
        return token

    def revoke(self, token: str) -> None:
        """The token is good no more."""
        self._known.pop(token, None)

    async def exists(self, project_id: str, token: str) -> bool:
        """Whether there is such a project, as far as somebody with this token is shown."""
        self.asked_for_projects.append(project_id)
        return self.down or not self._known[token].is_admin or project_id in self.projects

    async def check(self, token: str, peer: str = "") -> Principal:
        """Who the token speaks for; `Unauthorized` where it speaks for nobody."""
        if self.down:
            raise Unavailable("Keystone does not answer")
        principal = self._known.get(token)
        if principal is None or principal.expires_at <= self._clock.now():
            raise Unauthorized("The request you have made requires authentication.")
        return principal
