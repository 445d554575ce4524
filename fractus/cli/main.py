"""The command `fractus`: starting and stopping it, and the frame that all other commands hang in."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import click
import msgspec

from fractus import __version__
from fractus.base import log as logging
from fractus.cli.frame import Frame, output, state_option, with_settings
from fractus.local import detach, running, status
from fractus.local.progress import Progress
from fractus.local.running import AlreadyRunning
from fractus.settings.loading import Settings, SettingsError, load
from fractus.settings.sample import sample
from fractus.settings.sections import SECTIONS

#: Seconds that `fractus down` waits: each of three programs has ten, and most need one.
_DOWN_WITHIN = 35.0

_LEVELS = ("debug", "info", "warning", "error")


@click.group(
    cls=Frame,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    sections={
        "Run on this machine": ["up", "status", "down"],
        "Simulate": ["simulate"],
        "Clouds and resources": ["cloud", "resource", "volume-type", "drift", "quota", "keystone", "rebuild"],
        "Holds": ["read-only", "freeze", "thaw"],
        "Maintenance": ["purge", "vault"],
        "Single processes": ["serve", "work"],
        "Several nodes": ["deploy", "upgrade"],
        "Settings": ["config", "version"],
    },
    elsewhere={
        "cloud": ("fractus.cli.cloud", "cloud_group", "Clouds: add, check, change, hold, remove."),
        "freeze": ("fractus.cli.holds", "freeze_all", "Stop every change in every cloud."),
        "thaw": ("fractus.cli.holds", "thaw_all", "Allow changes again after `freeze`."),
        "purge": ("fractus.cli.purge", "purge_command", "Drop the rows of what was deleted long ago."),
        "vault": ("fractus.cli.vault", "vault_group", "The key that encrypts credentials: change it."),
        "read-only": (
            "fractus.cli.holds",
            "read_only_group",
            "Refuse every write of users, or accept them again.",
        ),
        "deploy": (
            "fractus.cli.deploy",
            "deploy_group",
            "Several nodes: render their files, check them.",
        ),
        "drift": ("fractus.cli.drift", "drift_group", "What others changed in the clouds."),
        "keystone": ("fractus.cli.keystone", "keystone_group", "A Keystone of your own."),
        "simulate": ("fractus.cli.simulate", "simulate", "Serve many simulated OpenStack clouds."),
        "upgrade": (
            "fractus.cli.upgrade",
            "upgrade_command",
            "Bring the database to this version's schema.",
        ),
        "quota": ("fractus.cli.quota", "quota_group", "Quotas: show a project's, recount usage."),
        "rebuild": ("fractus.cli.adopt", "rebuild", "Rebuild a lost database from the clouds."),
        "volume-type": (
            "fractus.cli.volume_type",
            "volume_type_group",
            "Volume types: their names in the clouds.",
        ),
        "resource": ("fractus.cli.resource", "resource_group", "Resources: where they are, and why."),
    },
)
@click.version_option(__version__, prog_name="fractus", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show where an error comes from, not just what it says.")
def cli(debug: bool) -> None:
    """One OpenStack endpoint over many OpenStack clouds.

    Try it: `fractus up` starts everything on this machine, with two simulated clouds behind it, and says what to type
    next. Then put a cloud of your own behind it, from your clouds.yaml:

    \b
        fractus cloud add paris --os-cloud my-paris
        fractus cloud check paris

    Your users need one entry in their clouds.yaml and the usual `openstack` command.
    """  # noqa: D301 - the backslash is click's mark of lines that stay as they are


@cli.command()
@state_option
@click.option(
    "--detach", "detached", is_flag=True, help="Return when everything is healthy; stop with `fractus down`."
)
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the API. Default: 8780. Remembered.")
@click.option(
    "--keystone-port", type=click.IntRange(1, 65535), help="Port of the Keystone. Default: 8781. Remembered."
)
@click.option("--log-level", type=click.Choice(_LEVELS), help="How much the logs say. Default: info.")
@click.option("--no-demo", is_flag=True, help="No demo user, and no simulated clouds, flavors or image.")
def up(
    state_dir: str | None,
    detached: bool,
    port: int | None,
    keystone_port: int | None,
    log_level: str | None,
    no_demo: bool,
) -> None:
    """Start everything on this machine: a Keystone, the API, the worker.

    The first start takes some seconds longer: it sets up Keystone and makes a demo (two simulated clouds, flavors, an
    image, a user). Everything is kept in the state directory, so the next start goes on where this one ended. Entries
    `fractus` and `fractus-admin` are put into your clouds.yaml; nothing else in it changes.
    """
    from fractus.local.up import Up, overrides_of

    overrides = overrides_of(port, keystone_port, log_level)
    settings = load(state_dir, overrides=overrides)
    # What is written holds passwords and tokens.
    os.umask(0o077)
    _make(settings.state_dir)
    progress = Progress(output())
    try:
        if detached:
            _refuse_second(settings)
            flags = _flags(port=port, keystone_port=keystone_port, log_level=log_level, no_demo=no_demo)
            argv = [sys.executable, "-m", "fractus", "up", "--state", str(settings.state_dir), *flags]
            detach.start(argv, settings, progress)
        else:
            Up(settings, progress, overrides=overrides, demo=not no_demo).run()
    except AlreadyRunning as error:
        raise click.ClickException(_runs_already(settings)) from error


def _make(state_dir: Path) -> None:
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        (state_dir / "run").mkdir(exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"The state directory {state_dir} cannot be used: {error.strerror}. Choose another with --state."
        ) from error


def _flags(**options: Any) -> list[str]:
    flags = []
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        if value is True:
            flags.append(flag)
        elif value is not None and value is not False:
            flags += [flag, str(value)]
    return flags


def _refuse_second(settings: Settings) -> None:
    if running.is_running(settings.run_dir):
        raise AlreadyRunning


def _runs_already(settings: Settings) -> str:
    record = running.read(settings.run_dir)
    where = f" (pid {record.supervisor.pid}) at {record.endpoint}" if record else ""
    return (
        f"fractus already runs in {settings.state_dir}{where}. `fractus status` shows it, `fractus down` stops it; "
        "another one needs a --state directory and ports of its own."
    )


@cli.command()
@with_settings
def down(settings: Settings) -> None:
    """Stop what `fractus up` started. Nothing is lost: it goes on at the next start."""
    console = output()
    progress = Progress(console)
    if running.stop(settings.run_dir, within=_DOWN_WITHIN, say=progress.say):
        progress.say("fractus is stopped.")
    else:
        progress.say(f"fractus does not run in {settings.state_dir}.")


@cli.command("status")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@with_settings
@click.pass_context
def show_status(ctx: click.Context, settings: Settings, as_json: bool) -> None:
    """Processes, health, memory, endpoint, clouds. Exit code 0: well; 1: not well; 3: not running."""
    found = status.look(settings)
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(found), indent=2))
    else:
        console = output()
        console.print(status.headline(found), soft_wrap=True)
        if found.processes:
            console.print(f"API       {found.endpoint}\nKeystone  {found.keystone_url}", soft_wrap=True)
            console.print(f"Logs      {found.log_dir}\n", soft_wrap=True)
            console.print(status.table(found))
        if found.state == "running":
            for line in _clouds(settings):
                console.print(line, soft_wrap=True, markup=False)
    ctx.exit(found.exit_code)


def _clouds(settings: Settings) -> list[str]:
    # Imported here, as the `cloud` commands are: it is the whole of fractus, and a stopped one needs none of it.
    from fractus.cli.holds import lines_of_holds
    from fractus.cli.parts import with_parts
    from fractus.operations.parts import OperatorParts
    from fractus.store import clouds, holds

    async def read(parts: OperatorParts) -> tuple[list[Any], list[Any]]:
        return await clouds.every(parts.store), await holds.every(parts.store)

    rows, on = with_parts(settings, read)
    lines = [f"cloud {line}" for line in status.lines_of_clouds(rows, time.time())]
    lines += lines_of_holds(on, time.time())
    return ["", *lines] if lines else []


@cli.command()
@with_settings
def serve(settings: Settings) -> None:
    """Serve the API, in the foreground."""
    from fractus.app.serve import main as run

    # The web server's own processes read the settings again, and have no command line to read them from.
    os.environ["FRACTUS_STATE"] = str(settings.state_dir)
    run(settings)


@cli.command()
@with_settings
def work(settings: Settings) -> None:
    """Work on the clouds, in the foreground."""
    from fractus.app.work import main as run

    run(settings)


@cli.group()
def config() -> None:
    """Settings: what there is, and what is in force."""


@config.command("sample")
def config_sample() -> None:
    """Print a fractus.toml with every setting, its meaning and its default."""
    click.echo(sample(), nl=False)


@config.command("show")
@with_settings
def config_show(settings: Settings) -> None:
    """Print the settings that are in force, without passwords."""
    click.echo(f"# {Path(settings.state_dir)}")
    for name, kind in SECTIONS.items():
        click.echo(f"\n[{name}]")
        section = getattr(settings, name)
        for field in msgspec.structs.fields(kind):
            value = getattr(section, field.name)
            shown = "***" if field.name == "password" and value else _without_password(value)
            click.echo(f"{field.name} = {json.dumps(shown)}")


def _without_password(value: Any) -> Any:
    """A URL may hold one: scheme://user:password@host."""
    return re.sub(r"(://[^:/@\s]*):[^@/\s]*@", r"\1:***@", value) if isinstance(value, str) else value


@cli.command()
def version() -> None:
    """Print the version."""
    click.echo(__version__)


def main() -> None:
    """The entry point of the command `fractus`."""
    # To standard error: what a command answers, JSON too, is all that stands on standard output.
    logging.configure("warning")
    cli(prog_name="fractus")
