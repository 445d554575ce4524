"""The columns that keypairs are found by."""

from __future__ import annotations

from sqlalchemy import Column, String

from fractus.store.schema import resource_table

#: `live` is the user and the name, unique, and empty once deleted. The id is another one for each key ever made, for a
#: name may be used again while servers still run with the old key.
KEYPAIR = resource_table("keypair", Column("live", String(400), nullable=True, unique=True))
