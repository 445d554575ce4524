"""Says what `fractus up` is doing: a spinner on a terminal, plain lines in a file or a pipe."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape


class Progress:
    """Steps with their time, and sentences in between."""

    def __init__(self, console: Console) -> None:
        self._console = console
        # A terminal or a log in another encoding must not stop a start.
        self._done = "\u2713" if "utf" in console.encoding.lower() else "+"

    @contextlib.contextmanager
    def step(self, doing: str, done: str) -> Iterator[None]:
        """Around one step: `doing` is shown while it lasts, `done` with its seconds when it went well."""
        began = time.monotonic()
        if self._console.is_terminal:
            with self._console.status(escape(doing)):
                yield
        else:
            self._print(f"  {doing} ...")
            yield
        self._print(f"[green]{self._done}[/] {escape(done)} [dim]({time.monotonic() - began:.1f} s)[/]")

    def say(self, text: str) -> None:
        """One sentence."""
        self._print(f"  {escape(text)}")

    def warn(self, text: str) -> None:
        """One sentence that asks for attention."""
        self._print(f"[yellow]![/] {escape(text)}")

    def block(self, markup: str) -> None:
        """Lines as they are, with rich's markup."""
        self._print(markup)

    def line(self, text: str) -> None:
        """A line that another process said, as it is."""
        self._print(escape(text))

    def _print(self, markup: str) -> None:
        # What is said is lost where the terminal is gone or the disk of the log is full; what is done goes on.
        with contextlib.suppress(OSError):
            self._console.print(markup, soft_wrap=True, highlight=False)
