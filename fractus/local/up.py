"""`fractus up`: everything on this machine, as the child processes of one supervisor.

In order: the state directory is locked, the leftovers of a killed run are stopped, ports are looked at; Keystone
starts (and is set up the first time), then the API, then the worker; the demo is made the first time; the entries of
`clouds.yaml` are written. When Keystone was set up before, it and the API start side by side: each of them bears that
the other is not there yet, for that is what a restart looks like to them. All are stopped in reverse order.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any

from rich.markup import escape

from fractus.auth.calls import answers
from fractus.local import clouds_yaml, running
from fractus.local.clouds_yaml import CloudsFileError
from fractus.local.keystone import ADMIN, DEMO, EmbeddedKeystone
from fractus.local.processes import boot_id, mark, port_in_use
from fractus.local.programs import inherited
from fractus.local.progress import Progress
from fractus.local.seed import IMAGE, NETWORK, seed, seeded
from fractus.local.supervisor import Program, Supervisor, unless
from fractus.settings import loading as settings_module
from fractus.settings.loading import Layer, Settings, SettingsError
from fractus.store import migrate, opening

#: The names of our entries in clouds.yaml.
ENTRY, ADMIN_ENTRY = "fractus", "fractus-admin"

#: A worker that lived this long (seconds) has read its settings and opened its store.
_WORKER_SETTLES = 2.0


class Up:
    """One run. `overrides` is what the command line said, `demo` whether there is a demo project."""

    def __init__(self, settings: Settings, progress: Progress, *, overrides: Layer, demo: bool) -> None:
        self._settings = settings
        self._progress = progress
        self._overrides = overrides
        embedded = settings.keystone.mode == "embedded"
        # Users of an operator's own Keystone are the operator's: no demo user there.
        self._demo = demo and embedded
        self._keystone = EmbeddedKeystone(settings, demo=self._demo) if embedded else None
        self._supervisor = Supervisor(say=progress.warn, changed=self._write_record)
        self._since = time.time()
        # Read now: later there may be no descriptor left to read it with.
        self._own_mark, self._boot = mark(os.getpid()), boot_id()
        self._ready = False

    def run(self) -> None:
        """Bring everything up, keep it up until SIGINT or SIGTERM, and stop it. Blocks.

        Raises `AlreadyRunning`, or `SettingsError`, `StartFailed` or `CallFailed` with a sentence.
        """
        settings = self._settings
        settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with running.locked(settings.run_dir):
            running.end_leftovers(running.read(settings.run_dir), self._progress.say)
            self._check_ports()
            try:
                settings_module.remember(settings.state_dir, _kept(self._overrides))
            except OSError as error:
                self._progress.warn(f"The options are not kept for the next start: {error}.")
            asyncio.run(self._run())

    def _check_ports(self) -> None:
        wanted = [("--port", settings_port := self._settings.api.port)]
        if self._keystone:
            wanted.append(("--keystone-port", self._settings.keystone.port))
        if len({port for _, port in wanted}) < len(wanted):
            raise SettingsError(f"The API and Keystone cannot both have port {settings_port}.")
        for option, port in wanted:
            why_not = port_in_use(self._settings.api.host, port)
            if why_not:
                raise SettingsError(
                    f"Port {port} of {self._settings.api.host} {why_not}. Free it, or choose another: "
                    f"fractus up {option} {port + 10}"
                )

    async def _run(self) -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        async with self._supervisor:
            self._supervisor.note()
            await unless(stop, self._bring_up())
            await stop.wait()
            self._ready = False
            self._progress.say("Stopping ...")
        self._progress.say("Stopped.")

    async def _bring_up(self) -> None:
        progress, settings, keystone = self._progress, self._settings, self._keystone
        began = time.monotonic()
        await self._migrate()
        api, *others = self.own_programs()
        together, names = [api], "API and worker"
        if keystone:
            keystone.configure()
            if keystone.prepared():
                together, names = [keystone.program(), api], f"Keystone, {names}"
            else:
                await self._first_keystone(keystone)
        with progress.step(f"Starting {names}", f"{names} run"):
            await self._supervisor.start(together)
            # After the API: whoever opens the store first brings its tables up to date, and it can be only one.
            await self._supervisor.start(others)
        if keystone and self._demo and not seeded(settings):
            doing = "Making the demo: two simulated clouds, flavors, an image, a network"
            with progress.step(doing, "The demo is made"):
                await seed(settings, keystone)
        self._announce(self._write_clouds_yaml(), time.monotonic() - began)
        self._ready = True
        self._supervisor.note()

    async def _migrate(self) -> None:
        """Bring an older file to our schema: with a large one that takes longer than the start of a process may."""
        url = self._settings.store.url
        if self._settings.store.migrate == "no" or not opening.is_file(url):
            return
        at = migrate.revision(opening.path_of(url))
        if at in migrate.known()[:-1]:
            doing = f"Bringing the database from schema {at} to {migrate.known()[-1]}"
            with self._progress.step(doing, "The database is up to date"):
                await asyncio.to_thread(migrate.upgrade, url)

    async def _first_keystone(self, keystone: EmbeddedKeystone) -> None:
        with self._progress.step("Setting up Keystone (only this time)", "Keystone is set up"):
            await keystone.set_up()
        with self._progress.step("Starting Keystone", "Keystone runs"):
            await self._supervisor.start([keystone.program()])
        with self._progress.step("Making users and the catalog", "Users and the catalog are made"):
            await keystone.fill()

    def own_programs(self) -> list[Program]:
        """What is started beside Keystone, in the order of its start."""
        return [self._api(), self._worker()]

    def _api(self) -> Program:
        scheme = "https" if self._settings.api.tls_cert else "http"
        url = f"{scheme}://{_address(self._settings.api.host, self._settings.api.port)}/healthcheck"

        async def ready() -> bool:
            return await answers(url)

        api = self._settings.api
        return self._own("serve", "api", ready, api.drain_notice + api.drain_within)

    def _worker(self) -> Program:
        # Its metrics page is there once it works, unless a worker of another fractus has the port.
        settings = self._settings
        url = f"http://{_address(settings.api.host, settings.work.metrics_port)}/metrics"
        asked: list[float] = []

        async def ready() -> bool:
            asked.append(time.monotonic())
            if asked[-1] - asked[0] > _WORKER_SETTLES:
                return True
            return bool(settings.work.metrics_port) and await answers(url)

        return self._own("work", "worker", ready, settings.work.drain_within)

    def _own(self, command: str, name: str, ready: Any, drain: float) -> Program:
        settings = self._settings
        return Program(
            name=name,
            # --debug: an error nobody foresaw is whole in the log.
            argv=[sys.executable, "-m", "fractus", "--debug", command],
            environ={**inherited(), **settings_module.environment(settings.state_dir, self._overrides)},
            cwd=settings.state_dir,
            log=settings.log_dir / f"{name}.log",
            ready=ready,
            # It finishes what is under way, and then has to release everything.
            stop_within=max(10.0, drain + 4.0),
        )

    def _write_record(self) -> None:
        assert self._own_mark is not None
        running.write(
            self._settings.run_dir,
            running.Record(
                boot=self._boot,
                supervisor=self._own_mark,
                endpoint=self._settings.endpoint,
                keystone_url=self._settings.keystone.url,
                since=self._since,
                ready=self._ready,
                parts=self._supervisor.parts(),
            ),
        )

    def _write_clouds_yaml(self) -> str:
        """Write our entries; what a user must export so that clients find them, or nothing without a Keystone."""
        if not self._keystone:
            return ""
        entries = {ADMIN_ENTRY: self._entry(ADMIN, "admin")}
        if self._demo:
            entries = {ENTRY: self._entry(DEMO, "demo"), **entries}
        first = next(iter(entries))
        own = self._settings.state_dir / "clouds.yaml"
        try:
            clouds_yaml.write_own(own, entries)
        except OSError as error:
            self._progress.warn(f"{own} is left as it is: {error}.")
        place = clouds_yaml.users_file(os.environ)
        left_out = [f"Your clouds.yaml is left as it is: {place.reason}."]
        if place.path is not None:
            for sentence in clouds_yaml.moved(place.path, entries):
                self._progress.warn(sentence)
            try:
                left_out = clouds_yaml.merge_into(place.path, entries)
            except CloudsFileError as error:
                left_out = [str(error)]
        for sentence in left_out:
            self._progress.warn(sentence)
        if left_out:
            return f"export OS_CLIENT_CONFIG_FILE={own} OS_CLOUD={first}"
        return f"export OS_CLOUD={first}"

    def _entry(self, user: str, who: str) -> dict[str, Any]:
        assert self._keystone is not None
        return clouds_yaml.entry(
            self._settings.state_dir,
            auth_url=self._keystone.url,
            region=self._settings.keystone.region,
            username=user,
            password=self._keystone.passwords()[who],
            project=user,
            ca_file=self._settings.api.tls_ca,
        )

    def _announce(self, export: str, seconds: float) -> None:
        commands = [export, *self._commands()] if export else []
        text = f"\nfractus is at [bold]{escape(self._settings.endpoint)}[/], after {seconds:.1f} s."
        if commands:
            text += " Try:\n\n" + "\n".join(f"  [bold cyan]{escape(one)}[/]" for one in commands)
            if shutil.which("openstack") is None:
                text += "\n\nThe command `openstack` is in the Python package python-openstackclient."
        self._progress.block(
            text + "\n\n[dim]`fractus status` shows it; Ctrl-C or `fractus down` stops it.[/]"
        )

    def _commands(self) -> list[str]:
        if not self._demo:
            return ["openstack catalog list", "openstack availability zone list"]
        return [
            f"openstack server create --image {IMAGE} --flavor m1.nano --network {NETWORK} --wait first",
            "openstack server list",
        ]


def _address(host: str, port: int) -> str:
    return f"{settings_module.in_url(settings_module.reachable(host))}:{port}"


def _kept(overrides: Layer) -> Layer:
    """What the next start shall know: where things listen, not how loud a log was."""
    return {section: fields for section, fields in overrides.items() if section != "log"}


def overrides_of(
    port: int | None, keystone_port: int | None, log_level: str | None
) -> Mapping[str, dict[str, Any]]:
    """The options of the command line as settings."""
    overrides: dict[str, dict[str, Any]] = {}
    for section, field, value in (
        ("api", "port", port),
        ("keystone", "port", keystone_port),
        ("log", "level", log_level),
    ):
        if value is not None:
            overrides.setdefault(section, {})[field] = value
    return overrides
