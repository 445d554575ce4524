"""The children this process is connected to, kept up to date with the rows that an operator writes.

A changed credential is a changed row: the next refresh closes the old connection and opens a new one, no restart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fractus.auth.vault import Vault
from fractus.base.log import logger
from fractus.model.cloud import Cloud, CloudRow
from fractus.store import clouds
from fractus.store.clouds import CloudRecord
from fractus.store.transaction import Reader

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

    def names(self) -> Iterable[str]:
        """All known children, connected or not."""
        return list(self._rows)

    def get(self, name: str) -> Cloud | None:
        """The connected child, or None."""
        return self._clouds.get(name)

    def settings(self, name: str) -> Mapping[str, Any]:
        """What the operator set for it."""
        return self._rows[name].settings if name in self._rows else {}

    async def refresh(self, reader: Reader) -> None:
        """Connect to what is new or changed, let go of what was removed."""
        rows = {row.name: row for row in await clouds.every(reader)}
        for name in [name for name in self._rows if name not in rows]:
            del self._rows[name]
            await self._close(name)
        for name, row in rows.items():
            known = self._rows.get(name)
            self._rows[name] = row
            if known is not None and known.version == row.version:
                continue
            await self._close(name)
            self._open(row)

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
        )

    async def _close(self, name: str) -> None:
        cloud = self._clouds.pop(name, None)
        if cloud is not None:
            await cloud.close()

    async def close(self) -> None:
        """Let go of all connections."""
        for name in list(self._clouds):
            await self._close(name)
