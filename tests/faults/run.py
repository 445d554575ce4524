"""The fault suite: random operations by many tenants while everything around them fails; then nothing may be amiss.

    python -m tests.faults.run [--seed 7] [--minutes 3] [--tenants 6] [--keep DIR]

The same seed gives the same sequence of operations for each tenant and the same sequence of accidents. What differs
from run to run is timing: how far each sequence gets, which request meets which accident, and so which answers come.
Exit code 0: every promise was kept.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.faults import director, foreign, journal, lab, lab_up, plan, report, truth
from tests.faults.checker import Checker, Wrong
from tests.faults.database import KINDS, Database
from tests.faults.director import Director, struck
from tests.faults.journal import Journal
from tests.faults.model import Model
from tests.faults.plan import Op
from tests.faults.stage import Stage
from tests.faults.tenants import Endpoint, Tenant
from tools.lab.place import here

#: Children and whether they share our Keystone.
CHILDREN = {"north": "shared", "south": "own", "west": "shared"}

#: Where it happens.
HERE, LAB = "here", "lab"

#: One round of the deck of accidents takes so long at most; a run shorter than that goes through it faster.
_ROUND = 240.0


class Suite:
    """One run."""

    def __init__(self, options: argparse.Namespace, directory: Path) -> None:
        self.options = options
        self.directory = directory
        self.counts: Counter[str] = Counter()
        self.stage = _stage(options, directory)
        self.database = Database(options.database, directory / "database") if options.database else None
        self.model = Model()
        self.tenants: dict[str, Tenant] = {}
        self.fixtures: dict[str, str] = {}
        self.foreign: dict[str, truth.Documents] = {}
        self.book: Journal
        self.director: Director
        self.endpoint: Endpoint

    async def run(self) -> report.Report:
        """Stand up, let it rage, let it rest, judge."""
        began = time.monotonic()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.book = Journal(self.directory / "journal.jsonl")
        try:
            if self.database is not None:
                await self.database.start()
                self.stage.more["FRACTUS_STORE_URL"] = self.database.url
            await self.stage.start()
            self.endpoint = Endpoint(self.stage.urls, self.counts)
            for child in self.stage.children.values():
                self.foreign[child.name] = await foreign.put(child)
            await self.stage.take_external()
            await self._meet_tenants()
            standing = time.monotonic() - began
            await self._rage()
            settled, wrongs, checker = await self._rest()
            return self._report(standing, settled, wrongs, checker)
        finally:
            if hasattr(self, "endpoint"):
                await self.endpoint.close()
            await self.stage.close()
            if self.database is not None:
                await self.database.close()
            self.book.close()

    async def _meet_tenants(self) -> None:
        admin = Tenant(
            "admin",
            self.endpoint,
            await self.stage.token("admin"),
            self.book,
            self.model,
            self.fixtures,
        )
        self.fixtures |= await foreign.fixtures(self.endpoint, admin.token)
        self.tenants["admin"] = admin
        for name in _names(self.options):
            token = await self.stage.token(name)
            self.tenants[name] = Tenant(name, self.endpoint, token, self.book, self.model, self.fixtures)

    # ------------------------------------------------------------------ rage

    async def _rage(self) -> None:
        seconds = self.options.minutes * 60.0
        sequence = plan.accidents(
            self.options.seed,
            apis=list(self.stage.apis),
            workers=list(self.stage.workers),
            clouds=list(self.stage.children),
            round_seconds=min(_ROUND, seconds * 0.9),
            longest=self.options.longest,
            without=self.options.without,
            database=self.options.database,
            own={sort: one.targets for sort, one in self.stage.accidents.items()},
        )
        self.director = Director(
            self.stage,
            self.book,
            sequence,
            database=self.database,
            at_once=lab.AT_ONCE if self.options.stage == LAB else director.AT_ONCE,
        )
        stop = asyncio.Event()
        directing = asyncio.create_task(self.director.run(stop))
        working = [asyncio.create_task(self._live(tenant, stop)) for tenant in self.tenants.values()]
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await asyncio.wait([directing, *working], timeout=min(15.0, max(0.1, until - time.monotonic())),
                               return_when=asyncio.FIRST_EXCEPTION)  # fmt: skip
            if any(task.done() and task.exception() for task in (directing, *working)):
                break
            self._say()
        stop.set()
        await asyncio.gather(directing, *working)

    async def _live(self, tenant: Tenant, stop: asyncio.Event) -> None:
        for op in plan.operations(self.options.seed, tenant.name, list(CHILDREN)):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._pause(tenant, op))
            if stop.is_set():
                return
            tenant.token = await self.stage.token(tenant.name)
            await tenant.act(op)

    def _pause(self, tenant: Tenant, op: Op) -> float:
        return op.pause * self.options.pause * (5.0 if tenant.name == "admin" else 1.0)

    def _say(self) -> None:
        done = sum(sum(tenant.done.values()) for tenant in self.tenants.values())
        requests, failed = self.counts["requests"], self.counts["failed requests"]
        accidents = sum(self.director.counts.values())
        print(f"  {done} operations, {requests} requests, {failed} failed; {accidents} accidents", flush=True)

    # ------------------------------------------------------------------ rest

    async def _rest(self) -> tuple[float, list[Wrong], Checker]:
        """Mend everything, and look until all promises are kept, or patience ends."""
        print("all is mended; waiting for what is under way", flush=True)
        self.book.write(journal.NOTE, text="healed")
        await self.stage.heal()
        healed = time.monotonic()
        settled = 0.0
        while True:
            left = await truth.pending(self.stage)
            checker = await self._look()
            wrongs = checker.wrongs()
            waited = time.monotonic() - healed
            if not wrongs and not left:
                if settled and waited - settled > self.options.confirm:
                    return settled, [], checker
                settled = settled or waited
            else:
                settled = 0.0
            if waited > self.options.patience:
                if left and not wrongs:
                    wrongs = [Wrong("never rests", "", "", line) for line in left]
                return waited, wrongs, checker
            print(
                f"  {waited:.0f} s: {len(left)} pieces of work, {len(wrongs)} promises not kept yet"
                f"{f': {wrongs[0]}' if wrongs else ''}"[:200],
                flush=True,
            )
            await asyncio.sleep(3.0)

    async def _look(self) -> Checker:
        lines = journal.read(self.book.path)
        model = Model.of(lines)
        tokens = {name: one.token for name, one in self.tenants.items()}
        found = await truth.learn(self.stage, tokens)
        return Checker(model, found, self.foreign, set(self.fixtures.values()))

    def _report(
        self, standing: float, settled: float, wrongs: list[Wrong], checker: Checker
    ) -> report.Report:
        operations: Counter[str] = Counter()
        skipped: Counter[str] = Counter()
        refused: Counter[str] = Counter()
        for tenant in self.tenants.values():
            operations.update(tenant.done)
            skipped.update(tenant.skipped)
            refused.update(tenant.refused)
            wrongs = [*wrongs, *(Wrong(why.split(":")[0], "", "", why) for why in tenant.wrongs)]
        wrongs = [*wrongs, *(Wrong(why.split(":")[0], "", "", why) for why in self.stage.wrongs)]
        return report.Report(
            seed=self.options.seed,
            minutes=self.options.minutes,
            journal=str(self.book.path),
            operations=dict(operations),
            skipped=dict(skipped),
            refused=dict(refused),
            statuses={str(status): number for status, number in sorted(self.endpoint.statuses.items())},
            requests=self.counts["requests"],
            failed=self.counts["failed requests"],
            accidents=dict(self.director.counts),
            by_hand=dict(self.stage.by_hand),
            struck=dict(struck(self.stage)),
            standing=standing,
            settled=settled,
            errors=dict(checker.reasons),
            wrongs=wrongs,
        )


def _names(options: argparse.Namespace) -> list[str]:
    return [f"t{number + 1}" for number in range(options.tenants)]


def _stage(options: argparse.Namespace, directory: Path) -> Stage:
    if options.stage == LAB:
        return lab.LabStage(directory, options.seed, place=here(), children=CHILDREN, tenants=_names(options))
    return Stage(directory, options.seed, children=CHILDREN, apis=2, workers=2)


def options_of(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.run", description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=None, help="default: a new one, which is printed")
    parser.add_argument("--minutes", type=float, default=3.0, help="how long it rages; the long form is 60")
    parser.add_argument("--tenants", type=int, default=6)
    parser.add_argument("--pause", type=float, default=1.0, help="mean seconds between a tenant's operations")
    parser.add_argument("--longest", type=float, default=12.0, help="seconds that an accident lasts at most")
    parser.add_argument(
        "--database", choices=KINDS, default="", help="a server under the store; default: SQLite"
    )
    parser.add_argument(
        "--stage",
        choices=(HERE, LAB),
        default=HERE,
        help="processes of this machine, or a laboratory of three nodes (root)",
    )
    parser.add_argument("--leave-up", action="store_true", help="the laboratory, for the next run")
    parser.add_argument("--without", action="append", default=[], help="a sort of accident that is left out")
    parser.add_argument("--patience", type=float, default=180.0, help="seconds to come to rest")
    parser.add_argument("--confirm", type=float, default=20.0, help="seconds that rest must last")
    parser.add_argument("--keep", type=Path, default=None, help="directory for journal, logs and report")
    options = parser.parse_args(argv)
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(10**6)
    if options.stage == LAB:
        if options.database:
            parser.error("A laboratory has its own databases.")
        options.without += lab.WITHOUT
    return options


def main(argv: list[str]) -> int:
    options = options_of(argv)
    directory = options.keep or Path(tempfile.mkdtemp(prefix="fractus-faults-"))
    if options.stage == LAB and not lab_up.inside():
        again = [*argv, "--seed", str(options.seed), "--keep", str(directory)]
        return lab_up.run("tests.faults.run", again, leave_up=options.leave_up)
    print(f"seed {options.seed}, {options.minutes:g} minutes, in {directory}", flush=True)
    made = asyncio.run(Suite(options, directory).run())
    (directory / "report.json").write_text(json.dumps(report.plain(made), indent=2) + "\n")
    for line in report.lines(made, directory):
        print(line)
    return 1 if made.wrongs else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
