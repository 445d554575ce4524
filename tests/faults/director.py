"""Makes things go wrong, one accident after another, and mends them again."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator

from tests.faults import journal
from tests.faults.database import Database
from tests.faults.journal import Journal
from tests.faults.plan import Accident
from tests.faults.stage import Badly, Stage, TooLate

#: Accidents at the same time.
AT_ONCE = 3


class Director:
    """Carries out a sequence of accidents."""

    def __init__(
        self,
        stage: Stage,
        book: Journal,
        sequence: Iterator[Accident],
        *,
        database: Database | None = None,
        at_once: int = AT_ONCE,
    ) -> None:
        """`database`: the server under the store, where it is one. `at_once`: how many accidents at the same time."""
        self.counts: Counter[str] = Counter()
        self._stage = stage
        self._book = book
        self._sequence = sequence
        self._database = database
        self._at_once = at_once
        self._busy: set[str] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Go on until `stop`; then wait for what is under way to be mended."""
        under_way: set[asyncio.Task[None]] = set()
        for accident in self._sequence:
            while len(under_way) >= self._at_once:
                await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                under_way = {task for task in under_way if not task.done()}
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), accident.pause)
            if stop.is_set():
                break
            under_way.add(asyncio.create_task(self._happen(accident)))
        self._stage.over = True
        if under_way:
            await asyncio.gather(*under_way)

    async def _happen(self, accident: Accident) -> None:
        if accident.target in self._busy:
            self._book.write(journal.NOTE, text=f"{accident.target} has an accident already: {accident.sort}")
            return
        self._busy.add(accident.target)
        try:
            more = await self._befall(accident)
            self.counts[accident.sort] += 1
            self._book.write(journal.ACCIDENT, **accident._asdict(), **more)
        except TooLate:
            pass
        finally:
            self._busy.discard(accident.target)

    async def _befall(self, accident: Accident) -> dict[str, float]:
        sort, target = accident.sort, accident.target
        if sort in self._stage.accidents:
            await self._stage.accidents[sort].befall(target, accident.seconds)
        elif sort.startswith("weather: "):
            child = self._stage.children[target]
            weather = sort.removeprefix("weather: ")
            await child.proxy.set_weather(weather, accident.strength)
            await asyncio.sleep(accident.seconds)
            await child.proxy.set_weather(weather, 0.0)
        elif sort == "child forgets":
            return await self._forget(accident)
        elif sort == "all workers killed":
            workers = list(self._stage.workers.values())
            await asyncio.gather(*(worker.kill() for worker in workers))
            await asyncio.sleep(accident.seconds)
            await asyncio.gather(*(worker.start() for worker in workers))
        elif sort.startswith("database"):
            await self._to_database(accident)
        else:
            process: Badly = (
                self._stage.children[target].process
                if sort.startswith("child")
                else self._stage.processes[target]
            )
            await self._to_process(accident, process)
        return {}

    async def _to_process(self, accident: Accident, process: Badly) -> None:
        match accident.sort.split(" ")[1]:
            case "killed":
                await process.kill()
                await asyncio.sleep(accident.seconds / 2)
                await process.start()
            case "paused":
                process.pause()
                await asyncio.sleep(accident.seconds)
                process.resume()
            case "restarted":
                await process.end()
                await process.start()
            case "forwards" | "backwards":
                process.jump(accident.strength)
                await asyncio.sleep(accident.seconds)
                process.jump(0.0)

    async def _forget(self, accident: Accident) -> dict[str, float]:
        """A backup is made, life goes on for a while, and then the child is put back to it."""
        child = self._stage.children[accident.target]
        await asyncio.to_thread(child.back_up)
        await asyncio.sleep(accident.seconds * 2)
        return {"backup_at": await child.restore()}

    async def _to_database(self, accident: Accident) -> None:
        database = self._database
        assert database is not None
        if accident.sort == "database killed":
            database.kill()
            await asyncio.sleep(accident.seconds / 2)
            await database.start()
        else:
            database.pause()
            await asyncio.sleep(accident.seconds)
            database.resume()


def struck(stage: Stage) -> Counter[str]:
    """How often each weather befell a request, over all children."""
    total: Counter[str] = Counter()
    for child in stage.children.values():
        total.update({f"{sort}": number for sort, number in child.proxy.counts.items()})
    return total
