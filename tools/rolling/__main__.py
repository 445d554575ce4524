"""Restart every process of a stand, one after the other, under load, and say what failed.

    python -m tools.rolling [--apis 3] [--workers 2] [--rounds 1] [--old CHECKOUT] [--store URL] [--broker URL]

With --old the stand begins with the code of another checkout, and each restart is an upgrade to this one's.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tools.rolling.load import Load
from tools.rolling.stand import Stand, why_not


async def roll(given: argparse.Namespace, directory: Path) -> int:
    """Do it; the number of failed requests."""
    settings = {"FRACTUS_STORE_URL": given.store} if given.store else {}
    settings |= {"FRACTUS_WAKE_URL": given.broker} if given.broker else {}
    old = Path(given.old).absolute() if given.old else None
    async with (
        Stand(directory, apis=given.apis, workers=given.workers, settings=settings, code=old) as stand,
        Load(stand, clients=given.clients) as load,
    ):
        await asyncio.sleep(2.0)
        for _ in range(given.rounds):
            for program in [*stand.apis, *stand.workers]:
                took = await stand.restart(program)
                print(f"{program.name}: stopped within {took:.1f} s", flush=True)
        await asyncio.sleep(2.0)
        await load.end()
        states = await load.settled()
    print(f"requests {sum(load.done.values())}: {dict(load.done)}; slowest {load.slowest * 1000:.0f} ms")
    print(f"servers {states}, asked for {len(load.kept)}, deleted {len(load.deleted)}")
    print(f"failed {len(load.failed)}")
    for one in load.failed[:20]:
        print(f"  {one}")
    wrong = states != ({"ACTIVE": len(load.kept)} if load.kept else {})
    return len(load.failed) + wrong


def main() -> int:
    """Parse and run."""
    parser = argparse.ArgumentParser(prog="python -m tools.rolling")
    for name, number in (("apis", 3), ("workers", 2), ("rounds", 1), ("clients", 6)):
        parser.add_argument(f"--{name}", type=int, default=number)
    for name in ("old", "store", "broker"):
        parser.add_argument(f"--{name}", default="")
    given = parser.parse_args()
    if reason := why_not():
        print(f"This needs Debian's haproxy: {reason}.")
        return 2
    with tempfile.TemporaryDirectory() as directory:
        return 1 if asyncio.run(roll(given, Path(directory) / "state")) else 0


if __name__ == "__main__":
    sys.exit(main())
