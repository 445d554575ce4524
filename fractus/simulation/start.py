"""`fractus simulate`: its processes, started, kept running and stopped by one supervisor."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

from rich.markup import escape

from fractus.local import clouds_yaml, running
from fractus.local.processes import boot_id, mark, port_in_use
from fractus.local.programs import inherited
from fractus.local.progress import Progress
from fractus.local.supervisor import Program, Supervisor, unless
from fractus.settings.loading import SettingsError
from fractus.simulation import control, ids, prepare
from fractus.simulation.credentials import entry, passwords
from fractus.simulation.plan import Plan, default_state, write

#: Opening one cloud takes a tenth of a second of processor time, and the machine may be busy. Seconds.
_READY_WITHIN, _READY_EACH = 60.0, 1.0


class Start:
    """One run."""

    def __init__(self, state: Path, plan: Plan, progress: Progress) -> None:
        """Nothing is started yet."""
        self._state, self._plan, self._progress = state, plan, progress
        self._supervisor = Supervisor(say=progress.warn, changed=self._write_record)
        self._since = time.time()
        self._ready = False

    @property
    def _run_dir(self) -> Path:
        return self._state / "run"

    @property
    def clouds_file(self) -> Path:
        """Where the credentials are."""
        return self._state / "clouds.yaml"

    def run(self) -> None:
        """Bring all clouds up, keep them up until SIGINT or SIGTERM, and stop them. Blocks.

        Raises `AlreadyRunning`, or `SettingsError` or `StartFailed` with a sentence.
        """
        with running.locked(self._run_dir):
            running.end_leftovers(running.read(self._run_dir), self._progress.say)
            self._check_ports()
            write(self._state, self._plan)
            known = passwords(self._state, self._plan)
            entries = {
                ids.cloud_name(cloud): entry(self._plan.url_of(cloud), ids.cloud_name(cloud), password)
                for cloud, password in known.items()
            }
            clouds_yaml.write_own(self.clouds_file, entries)
            control.begin(self._state, range(len(self._plan.shares())))
            asyncio.run(self._run())

    def _check_ports(self) -> None:
        plan = self._plan
        for cloud in range(1, plan.clouds + 1):
            why_not = port_in_use(plan.host, plan.port_of(cloud))
            if why_not:
                raise SettingsError(
                    f"Port {plan.port_of(cloud)} of {plan.host} {why_not}, and {ids.cloud_name(cloud)} needs it. Free "
                    f"it, or begin elsewhere: --port {plan.port + 1000}"
                )

    async def _run(self) -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        async with self._supervisor:
            await unless(stop, self._bring_up())
            await stop.wait()
            self._progress.say("Stopping ...")
        self._progress.say("Stopped. The same command goes on with the same clouds.")

    async def _bring_up(self) -> None:
        plan = self._plan
        began = time.monotonic()
        if prepare.lacking(self._state, plan):
            doing = f"Filling clouds with {plan.servers} servers each (only this time)"
            with self._progress.step(doing, "The clouds are filled"):
                await prepare.prepare(self._state, plan, self._progress.say)
        named = f"{plan.clouds} clouds" if plan.clouds > 1 else "1 cloud"
        with self._progress.step(f"Starting {named}", f"{named} run"):
            await self._supervisor.start([self._program(share) for share in range(len(plan.shares()))])
        self._ready = True
        self._write_record()
        self._announce(time.monotonic() - began)

    def _program(self, share: int) -> Program:
        async def ready() -> bool:
            return control.obeyed(self._state, [share], 0)

        state = str(self._state)
        return Program(
            name=f"clouds-{share + 1}",
            argv=[
                sys.executable,
                "-m",
                "fractus",
                "--debug",
                "simulate",
                "run",
                str(share),
                "--state",
                state,
            ],
            environ=inherited(),
            cwd=self._state,
            log=self._state / "log" / f"clouds-{share + 1}.log",
            ready=ready,
            ready_within=_READY_WITHIN + _READY_EACH * self._plan.clouds,
            stop_within=30.0,
        )

    def _write_record(self) -> None:
        supervisor = mark(os.getpid())
        assert supervisor is not None
        running.write(
            self._run_dir,
            running.Record(
                boot=boot_id(),
                supervisor=supervisor,
                endpoint=self._plan.url_of(1),
                keystone_url="",
                since=self._since,
                ready=self._ready,
                parts=self._supervisor.parts(),
            ),
        )

    def _announce(self, seconds: float) -> None:
        plan = self._plan
        first, last = ids.cloud_name(1), ids.cloud_name(plan.clouds)
        state = "" if self._state == default_state() else f" --state {self._state}"
        lines = [
            f"export OS_CLIENT_CONFIG_FILE={self.clouds_file}",
            f"openstack --os-cloud {first} server list",
            f"fractus cloud add --all --clouds-yaml {self.clouds_file}",
            f"fractus simulate fault {first} hang{state}",
        ]
        shown = "\n".join(f"  [bold cyan]{escape(line)}[/]" for line in lines)
        self._progress.block(
            f"\n{first} to {last} are at [bold]{escape(plan.url_of(1))}[/] and the ports after it, after "
            f"{seconds:.1f} s. Try:\n\n{shown}\n\n[dim]Ctrl-C stops them; the same command goes on with them.[/]"
        )
