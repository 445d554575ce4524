"""The tables of quotas: limits that were set, and what is used."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table

from fractus.store.schema import METADATA

#: `scope` is `class` (owner: its name; `default` holds for everybody), `project` (its id) or `user` (`project/user`).
#: What has no row has the limit of the next wider scope, in the end that of the settings. -1: unlimited.
QUOTA_LIMIT = Table(
    "quota_limit",
    METADATA,
    Column("scope", String(8), primary_key=True),
    Column("owner", String(255), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("amount", BigInteger, nullable=False),
)

#: `scope` is `project` or `user`: keys are a user's own. Always equal to the sum over what is not deleted.
QUOTA_USAGE = Table(
    "quota_usage",
    METADATA,
    Column("scope", String(8), primary_key=True),
    Column("owner", String(64), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("used", BigInteger, nullable=False),
)
