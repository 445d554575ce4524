"""`fractus deploy ...`: several nodes from one inventory file."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import click
import msgspec

from fractus.cli.frame import output
from fractus.deploy import check, live, render, secret
from fractus.deploy.inventory import Inventory, InventoryError, load
from fractus.reconcile.machine import Pace
from fractus.services.relay import DEADLINE
from fractus.settings.sections import Auth

console = output()

_file = click.argument("inventory", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.group("deploy")
def deploy_group() -> None:
    """Several nodes: render every file of them from one inventory, and say what is unsafe."""


@deploy_group.command("render")
@_file
@click.option(
    "-o",
    "--output",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Where to: a directory of its own, which will hold passwords.",
)
def render_all(inventory: Path, directory: Path) -> None:
    """Write every file of every node of INVENTORY.

    Passwords and keys are made once, in the secrets file beside the inventory (0600), and never printed. Rendering
    again changes nothing that the inventory did not.
    """
    deployment, secrets = _read(inventory, make=True)
    assert secrets is not None
    rendered = render.render(deployment, secrets)
    changed = render.write(directory, rendered)
    for path in changed:
        console.print(f"  {path}", markup=False)
    console.print(
        f"{len(rendered)} files in {directory}, {len(changed)} changed. Next: {directory}/FIRST-START.md"
    )


@deploy_group.command("check")
@_file
@click.option("--live", "ask", is_flag=True, help="Also ask what runs. Needs to reach the nodes, no ssh.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@click.pass_context
def check_all(ctx: click.Context, inventory: Path, ask: bool, as_json: bool) -> None:
    """Say in words what is unsafe about INVENTORY. Exit code 0: nothing; 1: something.

    What you take on yourself, say in the inventory with the reason: [accepted] one-rack = "there is no other".
    """
    deployment, secrets = _read(inventory, make=False)
    # A token not seen before may have to wait for Keystone; then comes the longest of the routes that wait for a cloud.
    identity = deployment.settings.get("auth", {}).get("token_deadline", Auth().token_deadline)
    facts = check.Facts(lease=Pace().lease, longest_request=float(identity) + DEADLINE)
    found = check.look(deployment, secrets, facts)
    if ask and secrets is None:
        raise InventoryError("Nothing can be asked without the secrets: render first.")
    if ask and secrets is not None:
        found = [*asyncio.run(live.look(deployment, secrets)), *found]
    unsafe = [one for one in found if one.level == "unsafe"]
    if as_json:
        click.echo(json.dumps({"safe": not unsafe, "findings": msgspec.to_builtins(found)}, indent=2))
    else:
        for one in found:
            colour = {"unsafe": "red", "advice": "yellow", "accepted": "dim"}[one.level]
            console.print(f"[{colour}]{one.level}[/] {one.code}: ", end="")
            console.print(one.text, markup=False)
        console.print("Nothing is unsafe." if not unsafe else f"{len(unsafe)} unsafe.")
    ctx.exit(1 if unsafe else 0)


@deploy_group.command("rotate-keys")
@_file
def rotate_keys(inventory: Path) -> None:
    """Change the key that signs tokens (in the secrets). Then render, and install on every node; nothing restarts."""
    deployment, _ = _read(inventory, make=False)
    secret.rotate_fernet(secret.place(inventory, deployment))
    console.print("The staged key signs now, and a new one is staged. Next: render, install on every node.")


def _read(path: Path, *, make: bool) -> tuple[Inventory, secret.Secrets | None]:
    deployment = load(path)
    place = secret.place(path, deployment)
    return deployment, secret.load_or_make(place, deployment) if make else secret.read(place)
