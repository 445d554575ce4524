"""Draws a picture as SVG: lines over axes with labelled marks, readable on a light page and on a dark one.

Every point that was measured is drawn as a dot; lines between them are straight. An axis that is not logarithmic begins
at 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape

from bench.report import Picture, number

_WIDTH, _HEIGHT = 720, 380
_LEFT, _RIGHT, _TOP, _BOTTOM = 74, 20, 46, 58
_LEGEND = 18

#: Distinguished also by those who do not see red and green alike; the dashes tell them apart in black and white.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#808080", "#7b4fa0")
_DASHES = ("", "7 3", "2 3", "9 3 2 3", "12 4", "4 2", "1 4", "6 2 1 2")

_STYLE = """\
  <style>
    text { font: 12px system-ui, sans-serif; fill: #24292f; }
    .title { font-size: 14px; font-weight: 600; }
    .grid { stroke: #d0d7de; stroke-width: 1; }
    .axis { stroke: #57606a; stroke-width: 1; }
    .goal { stroke: #24292f; stroke-width: 1; stroke-dasharray: 3 3; }
    .paper { fill: #ffffff; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .grid { stroke: #30363d; }
      .axis { stroke: #8b949e; }
      .goal { stroke: #e6edf3; }
      .paper { fill: #0d1117; }
    }
  </style>"""


class _Axis:
    """One direction: where a value lies, and which values are marked."""

    def __init__(self, values: Sequence[float], *, log: bool, begin: float, end: float, marks: int) -> None:
        """`begin`, `end`: where on the paper it lies."""
        known = [value for value in values if value > 0 or not log]
        self._log = log
        self._begin, self._end = begin, end
        if log:
            low = math.floor(math.log10(min(known, default=1.0)) + 1e-9)
            high = math.ceil(math.log10(max(known, default=10.0)) - 1e-9)
            self._low, self._high = float(low), float(max(high, low + 1))
            self.marks = [10.0**power for power in range(int(self._low), int(self._high) + 1)]
        else:
            step = _step(max([*known, 0.0]) - min([*known, 0.0]), marks)
            self._low = math.floor(min([*known, 0.0]) / step) * step
            self._high = max(math.ceil(max([*known, 0.0]) / step) * step, self._low + step)
            count = round((self._high - self._low) / step)
            self.marks = [self._low + at * step for at in range(count + 1)]

    def at(self, value: float) -> float:
        """Where it lies; what an axis cannot show lies at its beginning."""
        placed = (math.log10(value) if value > 0 else self._low) if self._log else value
        part = min(1.0, max(0.0, (placed - self._low) / (self._high - self._low)))
        return self._begin + part * (self._end - self._begin)


def _step(size: float, marks: int) -> float:
    """The distance of round marks."""
    rough = (size or 1.0) / marks
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * times for times in (1.0, 2.0, 2.5, 5.0, 10.0) if power * times >= rough * (1 - 1e-9))


def drawn(picture: Picture) -> str:
    """The SVG."""
    rows = math.ceil(len(picture.lines) / 3)
    height = _HEIGHT + rows * _LEGEND
    bottom = _HEIGHT - _BOTTOM
    points = [point for line in picture.lines for point in line.points]
    goals = [picture.goal] if picture.goal is not None else []
    across = _Axis([x for x, _ in points], log=picture.log_x, begin=_LEFT, end=_WIDTH - _RIGHT, marks=8)
    up = _Axis([*(y for _, y in points), *goals], log=picture.log_y, begin=bottom, end=_TOP, marks=5)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">',
        f"  <title>{escape(picture.title)}</title>",
        _STYLE,
        f'  <rect class="paper" width="{_WIDTH}" height="{height}" rx="6"/>',
        _text(_LEFT, 26, picture.title, kind="title"),
        *_grid(across, up, bottom),
        _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 18, picture.x, anchor="middle"),
        _text(_LEFT, _TOP - 6, picture.y),
    ]
    for goal in goals:
        level = up.at(goal)
        parts.append(
            f'  <line class="goal" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{level:.1f}" y2="{level:.1f}"/>'
        )
        parts.append(_text(_WIDTH - _RIGHT - 4, level - 5, f"goal {number(goal)}", anchor="end"))
    for index, line in enumerate(picture.lines):
        parts += _line(line.points, index, across.at, up.at)
        parts += _legend(line.name, index)
    return "\n".join([*parts, "</svg>", ""])


def _grid(across: _Axis, up: _Axis, bottom: float) -> list[str]:
    parts = []
    for mark in up.marks:
        y = up.at(mark)
        kind = "axis" if abs(y - bottom) < 0.1 else "grid"
        parts.append(
            f'  <line class="{kind}" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        parts.append(_text(_LEFT - 8, y + 4, _mark(mark), anchor="end"))
    for mark in across.marks:
        x = across.at(mark)
        parts.append(f'  <line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom}" y2="{bottom + 5}"/>')
        parts.append(_text(x, bottom + 19, _mark(mark), anchor="middle"))
    return parts


def _line(
    points: Sequence[tuple[float, float]],
    index: int,
    x: Callable[[float], float],
    y: Callable[[float], float],
) -> list[str]:
    colour, dash = _COLOURS[index % len(_COLOURS)], _DASHES[index % len(_DASHES)]
    placed = [(x(one), y(two)) for one, two in sorted(points)]
    path = " ".join(f"{one:.1f},{two:.1f}" for one, two in placed)
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    size = 3.0 if len(placed) <= 40 else 1.2
    return [
        f'  <polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8"{dashes}/>',
        *(f'  <circle cx="{one:.1f}" cy="{two:.1f}" r="{size}" fill="{colour}"/>' for one, two in placed),
    ]


def _legend(name: str, index: int) -> list[str]:
    left = _LEFT + index % 3 * ((_WIDTH - _LEFT - _RIGHT) / 3)
    level = _HEIGHT + index // 3 * _LEGEND
    colour, dash = _COLOURS[index % len(_COLOURS)], _DASHES[index % len(_DASHES)]
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    sample = f'x1="{left:.0f}" x2="{left + 24:.0f}" y1="{level - 4}" y2="{level - 4}"'
    return [
        f'  <line {sample} stroke="{colour}" stroke-width="1.8"{dashes}/>',
        _text(left + 30, level, name),
    ]


def _text(x: float, y: float, text: str, *, anchor: str = "start", kind: str = "") -> str:
    of = f' class="{kind}"' if kind else ""
    return f'  <text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{of}>{escape(text)}</text>'


def _mark(value: float) -> str:
    """A value at an axis."""
    for size, sign in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{sign}"
    return f"{value:g}" if abs(value) >= 1e-9 else "0"
