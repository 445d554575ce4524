"""How default security group rules are written, and which ones a new group begins with."""

from __future__ import annotations

from typing import Any

import msgspec

from fractus.services.network.default_security_group_rules.kind import KIND
from fractus.services.network.dialect.writes.writer import Writer
from fractus.store.ledger import Ledger
from fractus.store.listing import Filter, page
from fractus.store.transaction import Reader


class DefaultRuleWrites(Writer):
    """Writes default rules."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger, KIND.name, KIND.summarise, local=True)

    async def of_new(self, reader: Reader, *, default: bool) -> list[dict[str, Any]]:
        """The rules that a new group begins with: a project's default group, or another."""
        column = "used_in_default_sg" if default else "used_in_non_default_sg"
        rows = await page(
            reader, KIND.table, [Filter(column, "eq", True)], columns=("id", "desired"), limit=1 << 31
        )
        return [{**msgspec.json.decode(desired), "id": id} for id, desired in rows]
