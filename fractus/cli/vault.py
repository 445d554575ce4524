"""`fractus vault ...`: the key that seals the credentials of clouds and the first passwords of servers."""

from __future__ import annotations

from pathlib import Path

import click

from fractus.auth import vault
from fractus.cli.frame import with_settings
from fractus.cli.parts import console, with_parts
from fractus.operations import sealing
from fractus.operations.parts import OperatorParts
from fractus.settings.loading import Settings


@click.group("vault")
def vault_group() -> None:
    """The key that seals credentials in the store: show it is well, change it."""


def _key_file(settings: Settings) -> Path:
    return Path(settings.auth.key_file)


@vault_group.command("show")
@with_settings
def show(settings: Settings) -> None:
    """Say where the key file is, how many keys it holds, and what is sealed with an older one. Never a key."""
    old = with_parts(settings, lambda parts: sealing.left_behind(parts))
    console.print(f"{_key_file(settings)}: {vault.count(_key_file(settings))} keys")
    console.print(f"sealed with an older key: {old}")


@vault_group.command("rotate")
@with_settings
def rotate(settings: Settings) -> None:
    """Change the key: a new one, everything sealed with it, the old one gone. For one node; it may be running.

    Cut short anywhere, it can be run again: until its end both keys open. On several nodes each has a copy of the key
    file, so there it is three steps, with the file copied to all nodes after each: `new-key`, `reseal`, `retire`.
    """

    async def do(parts: OperatorParts) -> int:
        vault.rotate(_key_file(settings))
        changed = await sealing.reseal(parts)
        await sealing.retire(parts, _key_file(settings))
        return changed

    console.print(f"The key is changed; {with_parts(settings, do)} things were sealed again.")


@vault_group.command("new-key")
@with_settings
def new_key(settings: Settings) -> None:
    """Step 1 on several nodes: put a new key first in the key file. Copy the file to all nodes then."""
    vault.rotate(_key_file(settings))
    console.print(f"{_key_file(settings)} has a new key. Copy it to all nodes, then: fractus vault reseal")


@vault_group.command("reseal")
@with_settings
def reseal(settings: Settings) -> None:
    """Step 2: seal everything with the newest key. All nodes must have the key file by now."""
    changed = with_parts(settings, lambda parts: sealing.reseal(parts))
    console.print(f"{changed} things were sealed again. Next: fractus vault retire")


@vault_group.command("retire")
@with_settings
def retire(settings: Settings) -> None:
    """Step 3: drop the older keys, once nothing needs them. Copy the file to all nodes then."""
    with_parts(settings, lambda parts: sealing.retire(parts, _key_file(settings)))
    console.print(f"{_key_file(settings)} has one key. Copy it to all nodes.")
