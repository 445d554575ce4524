"""Services behind the real pipeline, in this process: tokens from a drawer, a store in a file, a clock to move."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry
from sqlalchemy import Table

from fractus.auth.policy import Policy
from fractus.auth.principal import Principal
from fractus.store.ledger import Ledger
from fractus.store.resources import Accounts, Resources
from fractus.store.sqlite import SqliteStore
from fractus.testing import asgi
from fractus.testing.asgi import HttpReply
from fractus.testing.clock import VirtualClock
from fractus.testing.tokens import StaticTokens
from fractus.web.face import ServiceRoutes, WebSettings
from fractus.web.metrics import WebMetrics
from fractus.web.service import application
from tests.unit.own_tables import every_table


def person(user: str, project: str, *roles: str) -> Principal:
    """A caller; an admin has the role."""
    return Principal(
        user_id=user,
        project_id=project,
        roles=frozenset(roles or ("member", "reader")),
        is_admin="admin" in roles,
    )


ANN = person("ann", "project-a")
AMY = person("amy", "project-a")
BOB = person("bob", "project-b")
READER = person("rea", "project-a", "reader")
ROOT = person("root", "project-r", "admin", "member", "reader")


class _Notifier:
    def notify(self, cloud: str) -> None:
        """Nobody works here."""


class Rows:
    """A store with some kinds' tables."""

    def __init__(
        self, directory: Path, tables: Mapping[str, Table], accounts: Accounts | None = None
    ) -> None:
        self.clock = VirtualClock()
        self.tokens = StaticTokens(self.clock)
        self.store = SqliteStore(directory / "rows.db", self.clock)
        self.store.create(every_table())
        self.resources = Resources(tables, accounts)
        self.ledger = Ledger(self.resources, _Notifier())


async def _well() -> str:
    return ""


class Door:
    """Where callers come in."""

    def __init__(self, rows: Rows, services: Sequence[ServiceRoutes]) -> None:
        self.rows = rows
        self.tokens = rows.tokens
        self.tokens.projects |= {who.project_id for who in (ANN, BOB, ROOT)}
        self._known: dict[Principal, str] = {}
        self.app = application(
            services,
            self.tokens,
            Policy({one.service.type: one.rules for one in services}),
            WebSettings(access_log=False),
            WebMetrics(CollectorRegistry()),
            rows.clock,
            _well,
        )

    async def __call__(
        self,
        who: Principal,
        method: str,
        path: str,
        json: Any = None,
        *,
        version: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes | AsyncIterator[bytes] = b"",
    ) -> HttpReply:
        """One request."""
        token = self._known.get(who) or self._known.setdefault(who, self.tokens.issue(who))
        sent = {"X-Auth-Token": token, "Accept": "application/json"}
        if version:
            sent["OpenStack-API-Version"] = f"compute {version}"
        if json is not None:
            body = msgspec.json.encode(json)
            sent["Content-Type"] = "application/json"
        sent.update(headers or {})
        return await asgi.call(self.app, method, path, headers=sent, body=body)


def said(reply: HttpReply) -> str:
    """The sentence of an error, whatever the service's envelope."""
    document = reply.json
    if "message" in document:
        text: str = document["message"]
        return text.partition("<br />")[0]
    (inner,) = document.values()
    return str(inner["message"])
