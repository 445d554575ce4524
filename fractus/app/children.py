"""The children this process is connected to, kept up to date with the rows that an operator writes.

A changed credential is a changed row: the next refresh closes the old connection and opens a new one, no restart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fractus.auth.vault import Vault
from fractus.base.log import logger
from fractus.model.cloud import Cloud, CloudRow
from fractus.store import clouds, installation
from fractus.store.clouds import CloudRecord
from fractus.store.transaction import Store

log = logger("app.children")

Connect = Callable[[CloudRow], Cloud]


class ConnectedChildren:
    """Implements `fractus.reconcile.machine.Children` over the `cloud` table."""

    def __init__(self, drivers: Mapping[str, Connect], vault: Vault) -> None:
        """`drivers`: driver name -> how to connect to a child of that sort."""
        self._drivers = drivers
        self._vault = vault
        self._rows: dict[str, CloudRecord] = {}
        self._clouds: dict[str, Cloud] = {}
        self.installation: str | None = None
        """The id of this fractus, once `refresh` has read it."""
        self._given = False

    def names(self) -> Iterable[str]:
        """All known children, connected or not."""
        return list(self._rows)

    def get(self, name: str) -> Cloud | None:
        """The connected child, or None."""
        return self._clouds.get(name)

    def settings(self, name: str) -> Mapping[str, Any]:
        """What the operator set for it."""
        return self._rows[name].settings if name in self._rows else {}

    def below(self) -> list[str]:
        """The ids of every fractus that is below this one, at any depth, as far as is known."""
        seen = [row.identity_seen for row in self._rows.values() if row.identity_seen is not None]
        return sorted({id for one in seen for id in (one.installation, *one.below) if id})

    async def refresh(self, store: Store) -> None:
        """Connect to what is new or changed, release what was removed."""
        rows = {row.name: row for row in await clouds.every(store)}
        if self.installation is None or any(self._is_news(row) for row in rows.values()):
            # Read with the rows that it is handed to: a rebuild changes it, and all of them.
            await self.know(store)
        for name in [name for name in self._rows if name not in rows]:
            del self._rows[name]
            await self._close(name)
        for name, row in rows.items():
            news, self._rows[name] = self._is_news(row), row
            if not news:
                continue
            await self._close(name)
            self._open(row)

    def _is_news(self, row: CloudRecord) -> bool:
        known = self._rows.get(row.name)
        return known is None or known.version != row.version

    async def know(self, store: Store) -> str:
        """Read the id of this fractus, and make it if it has none."""
        if not self._given:
            self.installation = await installation.ensure(store)
        return self.installation or ""

    def nameless(self) -> None:
        """Have no id: nothing that is made says whose it is."""
        self.installation, self._given = "", True

    async def be(self, id: str) -> None:
        """Be this one in this process, whatever the store says."""
        self.installation, self._given = id, True
        for name in list(self._rows):
            del self._rows[name]
            await self._close(name)

    def _open(self, row: CloudRecord) -> None:
        connect = self._drivers.get(row.driver)
        if connect is None:
            log.error("no such driver", cloud=row.name, driver=row.driver)
            return
        try:
            self._clouds[row.name] = connect(self.row_of(row))
        except Exception as error:
            # One child that cannot be connected to must not keep the others from work.
            log.error("cannot connect", cloud=row.name, error=f"{type(error).__name__}: {error}")

    def row_of(self, row: CloudRecord) -> CloudRow:
        """The row with its credential opened: for a driver, and never to be kept or printed."""
        return CloudRow(
            name=row.name,
            driver=row.driver,
            enabled=row.enabled,
            identity=row.identity,
            settings=row.settings,
            auth=self._vault.open(row.secret),
            installation=self.installation or "",
        )

    async def _close(self, name: str) -> None:
        cloud = self._clouds.pop(name, None)
        if cloud is not None:
            await cloud.close()

    async def close(self) -> None:
        """Release all connections."""
        for name in list(self._clouds):
            await self._close(name)
