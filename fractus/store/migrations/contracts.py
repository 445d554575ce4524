"""Taking away what no running version uses any more: the second half of a change of the schema.

A revision only adds (`upgrade`), so that the version before runs on. What it makes useless it names in a function
`contract`, with the version from which on nothing uses it:

    contracts = "0.3"

    def contract() -> None:
        op.drop_column("server", "old_name")

`fractus upgrade --contract` runs these, once each, and writes down that it did: versions that do not know the revision
refuse the database from then on.
"""

from __future__ import annotations

import time
from pathlib import Path

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, select

from fractus.store.schema import CONTRACTED


def contract(connection: Connection, location: Path) -> list[str]:
    """Run every `contract` of the revisions under `location` that was not run yet; which these were."""
    settings = Config()
    settings.set_main_option("script_location", str(location).replace("%", "%%"))
    done = set(connection.scalars(select(CONTRACTED.c.revision)))
    ran = []
    for script in reversed(list(ScriptDirectory.from_config(settings).walk_revisions())):
        contract = getattr(script.module, "contract", None)
        if contract is None or script.revision in done:
            continue
        with Operations.context(MigrationContext.configure(connection)):
            contract()
        values = {"revision": script.revision, "version": script.module.contracts, "done_at": time.time()}
        connection.execute(insert(CONTRACTED).values(values))
        ran.append(script.revision)
    return ran
