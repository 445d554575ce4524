"""`fractus simulate ...`: many simulated OpenStack clouds on this machine."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from fractus.cli.frame import output
from fractus.local import running
from fractus.local.running import AlreadyRunning
from fractus.settings.loading import SettingsError
from fractus.simulation import control, plan
from fractus.simulation.faults import FAULTS
from fractus.simulation.plan import MOST_CLOUDS, Plan, default_state

R = TypeVar("R")

#: What a process that is busy may take to carry out a command. Seconds.
_PATIENCE = 10.0


class _Factor(click.ParamType[float]):
    """`none`, `realistic`, or a number."""

    name = "none|realistic|FACTOR"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The factor that is meant."""
        try:
            factor = {"none": 0.0, "realistic": 1.0}.get(value)
            factor = float(value) if factor is None else factor
        except ValueError:
            self.fail(f"{value!r} is not none, realistic or a number", param, ctx)
        if not 0 <= factor <= 1000:
            self.fail(f"{value} is not between 0 and 1000", param, ctx)
        return factor


def _state_option(command: Callable[..., R]) -> Callable[..., R]:
    text = "Where the clouds are kept. Default: simulation in the state directory of fractus."
    return click.option("--state", "state_dir", metavar="DIR", help=text)(command)


def _state_of(state_dir: str | None) -> Path:
    return Path(state_dir).expanduser().absolute() if state_dir else default_state()


@click.group("simulate", invoke_without_command=True)
@_state_option
@click.option("--clouds", type=click.IntRange(1, MOST_CLOUDS), help="How many clouds. Default: 3.")
@click.option("--hosts", type=click.IntRange(1, 100_000), help="Hosts of each. Default: 100.")
@click.option("--servers", type=click.IntRange(0), help="Servers with which each cloud begins. Default: 0.")
@click.option(
    "--owned",
    is_flag=True,
    default=None,
    help="These servers are a parent's, of which `python -m bench.owned` makes the store.",
)
@click.option("--seed", type=int, help="Of all that happens by chance. Default: 1.")
@click.option("--host", help="The address to listen on. Default: 127.0.0.1.")
@click.option(
    "--port",
    type=click.IntRange(1, 65534),
    help="Clouds listen on the ports after this one. Default: 15000.",
)
@click.option("--processes", type=click.IntRange(1, 64), help="Processes that share the clouds. Default: 1.")
@click.option(
    "--change",
    type=click.FloatRange(0, 100),
    help="Percent of the servers that change by themselves in a minute. Default: 0.",
)
@click.option(
    "--latency", type=_Factor(), help="How long answers take: realistic (default), none, or times as long."
)
@click.pass_context
def simulate(ctx: click.Context, /, state_dir: str | None, **options: Any) -> None:
    """Serve many simulated OpenStack clouds, in the foreground.

    \b
        fractus simulate --clouds 100 --hosts 1000
        fractus simulate fault sim-017 hang

    Each has Nova's, Neutron's, Glance's and Keystone's APIs on a port of its own, hosts and quotas, and takes its time
    as a real one does. The credentials are in a clouds.yaml, for `openstack` and for `fractus cloud add`. What is made
    in them is kept: the same command goes on with it.
    """  # noqa: D301 - the backslash is click's mark of lines that stay as they are
    state = _state_of(state_dir)
    given = {name: value for name, value in options.items() if value is not None}
    if ctx.invoked_subcommand is not None:
        ctx.obj = state_dir
        if given:
            raise click.UsageError(f"--{next(iter(given))} is said when the clouds are started.")
        return
    # Here, as it brings more than the other commands need.
    from fractus.local.progress import Progress
    from fractus.simulation.start import Start

    missing = [name for name in ("uvicorn", "httptools", "uvloop") if importlib.util.find_spec(name) is None]
    if missing:
        raise SettingsError(f"This needs {' and '.join(missing)}: pip install 'fractus[uvicorn]'.")
    os.umask(0o077)
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"{state} cannot be used: {error.strerror}. Choose another with --state."
        ) from error
    agreed = plan.agreed(state, given)
    try:
        Start(state, agreed, Progress(output())).run()
    except AlreadyRunning as error:
        raise click.ClickException(
            f"The clouds in {state} run already. Another simulation needs a --state and a --port of its own."
        ) from error


def _known(state: Path) -> Plan:
    made = plan.read(state)
    if made is None:
        raise click.ClickException(
            f"There are no simulated clouds in {state}. `fractus simulate` makes some; --state says where they are."
        )
    return made


def _obeyed(state: Path, made: Plan, controls: control.Controls) -> None:
    if not running.is_running(state / "run"):
        click.echo("They do not run now; it is so from their next start on.")
    elif not control.wait(state, range(len(made.shares())), controls.version, _PATIENCE):
        raise click.ClickException(f"It is asked for, but was not carried out within {_PATIENCE:g} s.")


@simulate.command("fault")
@click.argument("clouds", nargs=-1, required=True)
@click.argument("fault", type=click.Choice(list(FAULTS)))
@_state_option
@click.pass_obj
def fault_command(outer: str | None, clouds: tuple[str, ...], fault: str, state_dir: str | None) -> None:
    """Have something be wrong with CLOUDS, or `none`. `all` are all of them; `sim-001..sim-010` are those between."""
    state = _state_of(state_dir or outer)
    made = _known(state)
    names = _named(made, clouds)
    _obeyed(state, made, control.ask(state, faults=dict.fromkeys(names, fault)))
    who = names[0] if len(names) == 1 else f"{len(names)} clouds"
    click.echo(f"{who}: {FAULTS[fault]}.")


@simulate.command("set")
@click.option(
    "--change", type=click.FloatRange(0, 100), help="Percent of the servers that change in a minute."
)
@click.option("--latency", type=_Factor(), help="How long answers take: realistic, none, or times as long.")
@_state_option
@click.pass_obj
def set_command(
    outer: str | None, change: float | None, latency: float | None, state_dir: str | None
) -> None:
    """Change how clouds that run behave, until they are started with something else."""
    if change is None and latency is None:
        raise click.UsageError("Say what: --change or --latency.")
    state = _state_of(state_dir or outer)
    made = _known(state)
    _obeyed(state, made, control.ask(state, change=change, latency=latency))
    click.echo("It is so.")


def _named(made: Plan, asked: tuple[str, ...]) -> list[str]:
    known = list(made.numbers())
    found: list[str] = []
    for text in asked:
        first, dots, last = text.partition("..")
        ends = [first, last] if dots else [first]
        if text == "all":
            found += known
            continue
        for name in ends:
            if name not in known:
                raise click.ClickException(
                    f"There is no cloud {name!r}. There are {known[0]} to {known[-1]}."
                )
        found += known[known.index(first) : known.index(ends[-1]) + 1]
    return list(dict.fromkeys(found))


@simulate.command("run", hidden=True)
@click.argument("share", type=int)
@_state_option
def run_share(share: int, state_dir: str | None) -> None:
    """One of the processes, in the foreground."""
    from fractus.simulation.process import main

    state = _state_of(state_dir)
    main(state, _known(state), share)


@simulate.command("model", hidden=True)
@_state_option
def make_model(state_dir: str | None) -> None:
    """Make what filled clouds are copies of."""
    import asyncio

    import msgspec

    from fractus.base import log as logging
    from fractus.simulation.model import make
    from fractus.simulation.prepare import MODEL

    logging.configure("warning")
    state = _state_of(state_dir)
    (state / MODEL).mkdir()
    model = asyncio.run(make(state / MODEL, owned=_known(state).owned))
    (state / MODEL / "model.json").write_bytes(msgspec.json.format(msgspec.json.encode(model)))


@simulate.command("fill", hidden=True)
@click.argument("part", type=int)
@click.argument("parts", type=int)
@_state_option
def fill_clouds(part: int, parts: int, state_dir: str | None) -> None:
    """Fill one part of the clouds that are not filled yet."""
    import msgspec

    from fractus.simulation.credentials import passwords
    from fractus.simulation.fill import Filler
    from fractus.simulation.model import Model
    from fractus.simulation.prepare import MODEL, part_of

    state = _state_of(state_dir)
    made = _known(state)
    model = msgspec.json.decode((state / MODEL / "model.json").read_bytes(), type=Model)
    known, filler = passwords(state, made), Filler(state, made, model)
    for cloud in part_of(state, made, part, parts):
        filler.fill(cloud, known[cloud])
