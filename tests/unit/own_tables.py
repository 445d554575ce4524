"""Tables of tests, apart from those that the code names: a database that migrations have made has none of them."""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import MetaData

from fractus.store.schema import METADATA

OWN = MetaData()


def every_table() -> MetaData:
    """Those of the code and those of tests that have been imported."""
    return _merged(len(METADATA.tables), len(OWN.tables))


@lru_cache(maxsize=1)
def _merged(_named: int, _own: int) -> MetaData:
    made = MetaData()
    for table in (*METADATA.sorted_tables, *OWN.sorted_tables):
        table.to_metadata(made)
    return made
