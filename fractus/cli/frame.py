"""What every command of `fractus` shares: where its settings come from, how it says errors, how help reads.

A command declares itself so; groups that live in files of their own are listed in `fractus.cli.main`:

    @cloud_group.command("list")
    @with_settings
    def cloud_list(settings: Settings) -> None: ...
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar

import click
from rich.console import Console

from fractus.auth.calls import CallFailed
from fractus.deploy.inventory import InventoryError
from fractus.local.clouds_yaml import CloudsFileError
from fractus.local.supervisor import StartFailed
from fractus.model.errors import ApiError, CloudError, Unfit
from fractus.operations.errors import NoDriver
from fractus.settings.loading import Settings, SettingsError, load

P = ParamSpec("P")
R = TypeVar("R")

#: Errors whose message is a sentence for the person at the terminal. Anything else is a fault of fractus.
SENTENCES = (
    ApiError,
    CallFailed,
    CloudError,
    CloudsFileError,
    InventoryError,
    NoDriver,
    SettingsError,
    StartFailed,
    Unfit,
)

STATE_HELP = "Where fractus keeps everything. Default: $FRACTUS_STATE, else ~/.local/share/fractus."


def state_option(command: Callable[P, R]) -> Callable[P, R]:
    """Adds `--state DIR`, handed to the command as `state_dir`."""
    return click.option("--state", "state_dir", metavar="DIR", help=STATE_HELP)(command)


def with_settings(command: Callable[Concatenate[Settings, P], R]) -> Callable[..., R]:
    """Adds `--state DIR` to a command and hands it the settings as its first argument."""

    @functools.wraps(command)
    def loaded(*args: P.args, **kwargs: P.kwargs) -> R:
        state_dir: Any = kwargs.pop("state_dir", None)
        return command(load(state_dir), *args, **kwargs)

    return state_option(loaded)


def output() -> Console:
    """Where results go: a terminal, or a file or pipe, which gets plain text and no line breaks of ours."""
    console = Console(highlight=False)
    console.soft_wrap = not console.is_terminal
    return console


class Frame(click.Group):
    """The top group: commands in sections, groups imported when they are used, errors as one sentence."""

    def __init__(
        self,
        *args: Any,
        sections: Mapping[str, Sequence[str]] | None = None,
        elsewhere: Mapping[str, tuple[str, str, str]] | None = None,
        **kwargs: Any,
    ) -> None:
        """`sections`: title -> commands, in the order of the help. `elsewhere`: command -> (module, attribute, short
        help), so that the help of the whole imports none of them.
        """
        super().__init__(*args, **kwargs)
        self._sections = sections or {}
        self._elsewhere = {
            name: place
            for name, place in (elsewhere or {}).items()
            if importlib.util.find_spec(place[0]) is not None
        }

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order of the help."""
        ordered = [name for names in self._sections.values() for name in names]
        present = {*super().list_commands(ctx), *self._elsewhere}
        return [name for name in ordered if name in present] + sorted(present - set(ordered))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by its name, imported now where it lives elsewhere."""
        if cmd_name in self._elsewhere:
            module, attribute, _ = self._elsewhere[cmd_name]
            command: click.Command = getattr(importlib.import_module(module), attribute)
            return command
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands, section by section."""
        left = self.list_commands(ctx)
        widest = max(len(name) for name in left)
        for title, names in [*self._sections.items(), ("Others", left)]:
            here = [name for name in names if name in left]
            left = [name for name in left if name not in here]
            rows = [(name.ljust(widest), self._short_help(ctx, name, formatter.width)) for name in here]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def _short_help(self, ctx: click.Context, name: str, width: int) -> str:
        if name in self._elsewhere:
            return self._elsewhere[name][2]
        command = self.get_command(ctx, name)
        return command.get_short_help_str(width) if command else ""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; whatever goes wrong becomes one sentence and exit code 1, unless --debug."""
        if ctx.params.get("debug"):
            return super().invoke(ctx)
        try:
            return super().invoke(ctx)
        except SENTENCES as error:
            raise click.ClickException(str(error)) from error
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            raise click.ClickException(
                f"Something unexpected went wrong ({type(error).__name__}: {error}). "
                "`fractus --debug ...` shows where; please report it."
            ) from error
