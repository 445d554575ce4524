"""Writes docs/carried-fields.md from what each kind declares.

python tools/docs/carried.py [--check] [root of the checkout]
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from fractus.app.registry import CARRIED_FIELDS
from fractus.model.carried import CARRIED, OURS, REFUSED

PLACE = Path("docs/carried-fields.md")

_HEAD = """# What changes after a thing was carried

Images, flavors, keys, networks, subnets, ports and security groups come to a cloud when something there needs them.
This page says what becomes of each of their fields that changes later. It is written by `make docs` from what the
kinds declare; tests fail when it is out of date, when a field that can be changed is missing, and when one that is
marked carried does not arrive, in either driver.

- **carried**: the change goes to every cloud that has the thing, when it is given and when it is withdrawn, and the
  next server of it is built there only after it has arrived. What a cloud refuses is shown by `fractus resource show`,
  and no server of the thing is built in that cloud until it is mended.
- **refused**: the change is refused here, in the words of the service.
- **ours only**: it is kept and shown here, and no cloud is sent it.

What somebody else changes in a cloud is reported (`fractus drift list`), and not made undone by itself.
"""


def page() -> str:
    """The whole page."""
    lines = [_HEAD]
    for kind, fields in CARRIED_FIELDS.items():
        lines += [f"## {kind}", "", "| field | what becomes of a change | |", "|---|---|---|"]
        order = (CARRIED, REFUSED, OURS)
        for field in sorted(fields, key=lambda one: order.index(one.how)):
            lines.append(f"| `{field.name}` | **{field.how}** | {field.why} |")
        lines.append("")
    return "\n".join(lines)


def main(arguments: Iterable[str]) -> int:
    """Write the page; with --check only say whether it is up to date (exit code 1: it is not)."""
    places = [Path(argument) for argument in arguments if argument != "--check"]
    path = (places[0] if places else Path(__file__).parents[2]) / PLACE
    fresh = page()
    if "--check" in arguments:
        if path.exists() and path.read_text("utf-8") == fresh:
            return 0
        print(f"{PLACE} is out of date: make docs")
        return 1
    path.write_text(fresh, "utf-8")
    print(f"{PLACE}: {fresh.count(chr(10))} lines")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
