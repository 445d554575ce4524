"""The hostile suite: attacks on one fractus, each while others use it; how long those others wait.

    python -m tests.hostile.run [--short] [--only NAME] [--list] [--keep DIR]

It starts a fractus of its own (embedded Keystone, SQLite) in a temporary directory, on free ports of the loopback, and
touches nothing else. Exit code 0: every bound held.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import pkgutil
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.hostile import report
from tests.hostile.attack import Attack, Tally
from tests.hostile.bystanders import Bystanders
from tests.hostile.report import Result
from tests.hostile.target import Target, mounts

#: An attack that has not returned so long after its time (seconds) is stopped, and has failed.
_GRACE = 60.0


async def _nothing(_target: Target, _tally: Tally, seconds: float) -> None:
    await asyncio.sleep(seconds)


#: What the others are compared with.
NOTHING = Attack(name="nothing", tries="No attack.", run=_nothing, seconds=10.0, short=3.0)


def every() -> list[Attack]:
    """All attacks: `nothing` first, then those of each module of `tests.hostile.attacks`, by its name."""
    place = Path(__file__).parent / "attacks"
    names = sorted(one.name for one in pkgutil.iter_modules([str(place)]))
    modules = [importlib.import_module(f"tests.hostile.attacks.{name}") for name in names]
    found = [NOTHING, *(attack for module in modules for attack in module.ATTACKS)]
    if len({one.name for one in found}) != len(found):
        raise ValueError("two attacks have one name")
    return found


def chosen(attacks: Sequence[Attack], options: argparse.Namespace) -> list[Attack]:
    """Those that the options name; ValueError for a name that there is not."""
    missing = set(options.only) - {one.name for one in attacks}
    if missing:
        raise ValueError(f"There is no attack named {', '.join(sorted(missing))}. See --list.")
    if options.only:
        return [one for one in attacks if one.name in options.only]
    return [one for one in attacks if not options.short or one.short is not None]


async def launch(attack: Attack, target: Target, seconds: float) -> Result:
    """One attack, with bystanders."""
    tally = Tally()
    began = time.monotonic()
    async with Bystanders(target) as others:
        try:
            async with asyncio.timeout(seconds + _GRACE):
                await attack.run(target, tally, seconds)
        except TimeoutError:
            tally.require(False, f"it had not ended {_GRACE:g} s after its time")
    return Result(attack, time.monotonic() - began, tally, others)


async def _against_one(attacks: Sequence[Attack], directory: Path, *, short: bool) -> list[Result]:
    """Attacks on one and the same fractus, one after the other."""
    settings: dict[str, str] = {}
    for one in attacks:
        for name, value in one.settings.items():
            if settings.setdefault(name, value) != value:
                raise ValueError(f"{one.name} wants another {name} than an attack before it")
    target = Target(directory, settings, disk=max((one.disk for one in attacks), default=0))
    results = []
    try:
        await target.start()
        for one in attacks:
            seconds = one.short if short and one.short is not None else one.seconds
            print(f"{one.name}, {seconds:g} s: {one.tries}", flush=True)
            results.append(await launch(one, target, seconds))
    finally:
        await target.close()
    return results


async def run(attacks: Sequence[Attack], directory: Path, *, short: bool) -> list[Result]:
    """All of them: first those that share a fractus, then each that has one of its own."""
    results = []
    shared = [one for one in attacks if not one.alone]
    if shared:
        results += await _against_one(shared, directory / "shared", short=short)
    for one in attacks:
        if one.disk and not await mounts():
            print(f"{one.name}: left out, for a file system of its own cannot be mounted here", flush=True)
        elif one.alone:
            results += await _against_one([one], directory / one.name.replace(" ", "-"), short=short)
    return results


def options_of(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.run", description=__doc__.split("\n")[0])
    parser.add_argument("--short", action="store_true", help="under 90 seconds in all, as in CI")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="may be repeated")
    parser.add_argument("--list", action="store_true", help="name the attacks, and end")
    parser.add_argument("--keep", type=Path, default=None, help="directory for state, logs and report.json")
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    options = options_of(argv)
    try:
        attacks = chosen(every(), options)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if options.list:
        print("\n".join(f"{one.name}: {one.tries}" for one in attacks))
        return 0
    directory = options.keep or Path(tempfile.mkdtemp(prefix="fractus-hostile-"))
    try:
        results = asyncio.run(run(attacks, directory, short=options.short))
        (directory / "report.json").write_text(json.dumps(report.plain(results), indent=2) + "\n")
    finally:
        if options.keep is None:
            shutil.rmtree(directory, ignore_errors=True)
    print("\n".join(report.lines(results)))
    return 1 if any(one.broken() for one in results) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
