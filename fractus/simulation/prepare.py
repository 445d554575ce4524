"""Before the first start of clouds that begin with servers: processes that make the model and fill the clouds."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Callable
from pathlib import Path

from fractus.local.programs import inherited
from fractus.local.supervisor import StartFailed, tail
from fractus.simulation.plan import Plan

#: Where the model is, in the directory of the simulation.
MODEL = "model"

#: Between two words on how far it is. Seconds.
_SAY_EVERY = 15.0
_LOOK = 0.5


def lacking(state: Path, plan: Plan) -> list[int]:
    """The clouds that have yet to be filled."""
    if not plan.servers:
        return []
    return [cloud for name, cloud in plan.numbers().items() if not (state / name).exists()]


async def prepare(state: Path, plan: Plan, say: Callable[[str], None]) -> None:
    """Fill them, on all processors. `StartFailed` with the end of a log."""
    if not (state / MODEL / "model.json").exists():
        shutil.rmtree(state / MODEL, ignore_errors=True)
        await _all([await _run(state, "model")], state, lambda: None)
    at_once = min(len(os.sched_getaffinity(0)), len(lacking(state, plan)))
    parts = [await _run(state, "fill", str(part), str(at_once)) for part in range(at_once)]
    waited = 0.0

    def look() -> None:
        nonlocal waited
        waited += _LOOK
        if waited >= _SAY_EVERY:
            waited = 0.0
            left = len(lacking(state, plan))
            say(f"{plan.clouds - left} of {plan.clouds} are filled.")

    await _all(parts, state, look)


async def _run(state: Path, *arguments: str) -> Process:
    argv = [sys.executable, "-m", "fractus", "--debug", "simulate", *arguments, "--state", str(state)]
    with _log(state).open("ab") as log:
        return await asyncio.create_subprocess_exec(
            *argv,
            stdin=DEVNULL,
            stdout=log,
            stderr=STDOUT,
            env=inherited(),
            start_new_session=True,
            umask=0o077,
        )


def _log(state: Path) -> Path:
    (state / "log").mkdir(exist_ok=True)
    return state / "log" / "fill.log"


async def _all(processes: list[Process], state: Path, look: Callable[[], None]) -> None:
    """Wait for them; none is left behind, whatever happens."""
    waiting = [asyncio.create_task(process.wait()) for process in processes]
    try:
        while pending := (await asyncio.wait(waiting, timeout=_LOOK))[1]:
            look()
            if any(task.done() and task.result() for task in waiting):
                break
            waiting = [*pending, *(task for task in waiting if task.done())]
        if any(process.returncode != 0 for process in processes):
            raise StartFailed(
                f"The clouds could not be filled. The end of {_log(state)}:\n{tail(_log(state))}"
            )
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
        await asyncio.gather(*waiting)


def part_of(state: Path, plan: Plan, part: int, parts: int) -> list[int]:
    """The clouds that one of the processes fills."""
    return [cloud for cloud in lacking(state, plan) if cloud % parts == part]
