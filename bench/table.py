"""Figures as a table."""

from __future__ import annotations

from collections.abc import Mapping

from bench.load import Figures

#: Calls of which one in a hundred can be spoken of, roughly.
_ENOUGH = 20


def table(ours: Mapping[str, Figures], theirs: Mapping[str, Figures]) -> str:
    """A Markdown table: ours, those of a real cloud, and how many times more the latter costs and takes."""
    lines = [
        "| call | CPU ms | p50 ms | p99 ms | calls/s | real: CPU ms | p50 ms | p99 ms | CPU ratio | p50 ratio |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for call, figures in ours.items():
        other = theirs.get(call)
        cells = [
            _number(figures.cpu),
            _number(figures.p50),
            _p99(figures),
            _number(figures.rate),
            *((_number(other.cpu), _number(other.p50), _p99(other)) if other else ("", "", "")),
            _ratio(figures.cpu, other.cpu if other else None),
            _ratio(figures.p50, other.p50 if other else None),
        ]
        lines.append(f"| {call} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _p99(figures: Figures) -> str:
    """Of a few calls there is none."""
    return _number(figures.p99) if figures.calls >= _ENOUGH else ""


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _ratio(ours: float | None, theirs: float | None) -> str:
    return f"{theirs / ours:.0f} x" if ours and theirs is not None else ""
