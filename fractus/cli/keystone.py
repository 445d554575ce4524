"""`fractus keystone ...`: an operator's own Keystone instead of the embedded one."""

from __future__ import annotations

import asyncio
from typing import Any

import click
from keystoneauth1 import exceptions as ks_errors
from openstack.config.cloud_region import CloudRegion

from fractus.auth.calls import Caller
from fractus.cli.cloud import region_of
from fractus.cli.frame import with_settings
from fractus.cli.parts import console
from fractus.local.keystone_catalog import IDENTITY, Catalog, User
from fractus.settings.loading import Settings


@click.group("keystone")
def keystone_group() -> None:
    """A Keystone of your own: make fractus known in it."""


def _token(region: CloudRegion) -> str:
    try:
        token: Any = region.get_session().get_token()
    except ks_errors.ClientException as error:
        raise click.ClickException(f"Keystone did not let that entry in: {error}") from error
    return str(token)


@keystone_group.command("register")
@click.option("--os-cloud", "entry", required=True, help="An administrator's entry in your clouds.yaml.")
@click.option(
    "--clouds-yaml", type=click.Path(exists=True, dir_okay=False), help="Another file than the usual ones."
)
@with_settings
def register(settings: Settings, entry: str, clouds_yaml: str | None) -> None:
    """Make fractus's user, region, services and endpoints in the Keystone of the settings. Idempotent.

    The settings must say [keystone] mode = "external", url, username and password.
    """
    keystone = settings.keystone
    if keystone.mode != "external" or not keystone.password:
        raise click.ClickException(
            'Say in fractus.toml: [keystone] mode = "external", url, and the username and password fractus is to have.'
        )
    token = _token(region_of(entry, clouds_yaml))

    async def do() -> None:
        async with Caller(keystone.ca_file) as caller:
            caller.token = token
            user = User(
                keystone.username, keystone.password, keystone.project, ("admin",), system_roles=("reader",)
            )
            catalog = Catalog(caller, keystone.url)
            await catalog.fill([user], keystone.region, settings.endpoint)
            await catalog.fill([], keystone.region, keystone.url, [IDENTITY])

    asyncio.run(do())
    console.print(
        f"fractus is in the catalog of {keystone.url}, region {keystone.region}: {settings.endpoint}"
    )
