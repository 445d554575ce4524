"""`fractus upgrade`: the database, once for all nodes, while they run."""

from __future__ import annotations

import asyncio

import click

from fractus import __version__
from fractus.base.clock import SystemClock
from fractus.cli.frame import with_settings
from fractus.settings.loading import Settings
from fractus.store import lanes, migrate, opening


@click.command("upgrade")
@click.option(
    "--contract", is_flag=True, help="Then also take away what no version uses that knows this schema."
)
@with_settings
def upgrade_command(settings: Settings, contract: bool) -> None:
    """Bring the database to this version's schema, while processes of the version before go on.

    \b
    A rolling upgrade of several nodes, without a request that fails:
      1. fractus upgrade             from the new version, on one node
      2. restart API and workers     one process after the other
      3. fractus upgrade --contract  when all run the new version; from then on older ones refuse to start

    A single node needs none of this: a file is brought up to date when fractus starts.
    """  # noqa: D301 - the backslash is click's mark of lines that stay as they are
    if contract:
        # First without: the list of workers may be a table that is only now made.
        migrate.upgrade(settings.store.url)
        older = asyncio.run(_others(settings))
        if older:
            raise click.ClickException(
                "Nothing was taken away: these workers run another version: "
                + ", ".join(f"{name} ({version})" for name, version in older)
                + ". Restart them first, and the API processes of their nodes."
            )
    at = migrate.upgrade(settings.store.url, contract=contract)
    click.echo(f"The database has schema {at}.")


async def _others(settings: Settings) -> list[tuple[str, str]]:
    clock = opening.clock_for(settings.store.url, SystemClock())
    store = opening.open_store(settings.store.url, clock, size=1, seconds=settings.store.timeout)
    try:
        return [one for one in await lanes.roster(store, clock.now()) if one[1] != __version__]
    finally:
        await store.close()
