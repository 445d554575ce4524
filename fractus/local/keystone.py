"""The embedded Keystone: the real one, from PyPI, on SQLite under the state directory.

It is not what fractus exists for, so nothing of it is imitated: it is configured, started as a process of its own by
`fractus up`, and filled through its own API. `[keystone] mode = external` puts an operator's Keystone in its place.

The first start lays out the database and makes the admin (`fractus.local.keystone_setup`), then users and catalog
(`fractus.local.keystone_catalog`). What was done is written to `ready.json`; as long as that matches what is wanted,
the next start only starts the process.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import importlib.util
import json
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

from cryptography.fernet import Fernet

from fractus.auth.calls import Caller, answers
from fractus.base.files import put
from fractus.local.keystone_asgi import THREADS
from fractus.local.keystone_catalog import SERVICES, Catalog, User
from fractus.local.programs import inherited
from fractus.local.supervisor import Program, StartFailed, tail
from fractus.settings.loading import Settings, SettingsError

ADMIN, DEMO = "admin", "demo"

#: One process, so that what it holds in memory is never behind what another one wrote; its threads share one
#: interpreter lock, so more than a few would only queue.
_WORKERS, _THREADS = 1, 4
#: Letters of a random password: 32 of 64 are 192 bits, and stay under the 72 that bcrypt looks at.
_PASSWORD_BYTES = 24

# Tokens are not held in memory: that cache is never emptied and would grow with every token. All else is bounded by
# what exists, and makes a login 30 ms instead of 75 (with bcrypt at 2**8). max_password_length is what bcrypt reads.
_CONF = """\
# Written by fractus at each start; changes are lost. The settings are in fractus.toml.
[DEFAULT]
debug = false
default_log_levels = {levels}

[database]
connection = sqlite:///{database}

[token]
provider = fernet
caching = false
cache_on_issue = false

[cache]
enabled = true
backend = oslo_cache.dict
expiration_time = 60

[fernet_tokens]
key_repository = {keys}/fernet

[fernet_receipts]
key_repository = {keys}/fernet

[credential]
key_repository = {keys}/credential

[identity]
password_hash_algorithm = bcrypt
password_hash_rounds = {rounds}
max_password_length = 72

[oslo_messaging_notifications]
driver = noop
"""

#: Keystone's libraries look at every cache driver that there is and call those whose module is missing an error.
_LOG_LEVELS = (
    "stevedore=CRITICAL,sqlalchemy=WARN,dogpile.core.dogpile=WARN,oslo.cache=WARN,routes.middleware=WARN"
)


class EmbeddedKeystone:
    """The Keystone of one state directory. `demo`: it also has the project and the user `demo`."""

    def __init__(self, settings: Settings, *, demo: bool = True) -> None:
        self._settings = settings
        self._demo = demo
        self.directory = settings.state_dir / "keystone"
        self.url = settings.keystone.url
        self._conf = self.directory / "keystone.conf"
        self._log = settings.log_dir / "keystone.log"

    def passwords(self) -> dict[str, str]:
        """Random passwords of `admin`, `service` and `demo`, made once and kept where only their owner reads."""
        path = self.directory / "secrets.json"
        if path.exists():
            kept: dict[str, str] = json.loads(path.read_text("utf-8"))
            return kept
        made = {who: secrets.token_urlsafe(_PASSWORD_BYTES) for who in ("admin", "service", "demo")}
        put(path, (json.dumps(made, indent=2) + "\n").encode(), mode=0o600)
        return made

    def configure(self) -> None:
        """Write its configuration, keys and passwords where they are missing or old; `SettingsError` where the
        package is not installed.
        """
        if importlib.util.find_spec("keystone") is None:
            raise SettingsError(
                "The embedded Keystone is not installed: run pip install keystone, or name your own "
                'Keystone in fractus.toml ([keystone] mode = "external").'
            )
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for kind in ("fernet", "credential"):
            repository = self.directory / "keys" / kind
            repository.mkdir(mode=0o700, parents=True, exist_ok=True)
            for name in "01":  # staged and primary, as keystone-manage lays them out; it can rotate them too
                if not (repository / name).exists():
                    put(repository / name, Fernet.generate_key(), mode=0o600)
        self.passwords()
        values = {
            "database": self.directory / "keystone.db",
            "keys": self.directory / "keys",
            "levels": _LOG_LEVELS,
            "rounds": self._settings.keystone.password_hash_rounds,
        }
        # In a value of this format, $ begins a substitution.
        escaped = {name: str(value).replace("$", "$$") for name, value in values.items()}
        conf = _CONF.format(**escaped).encode()
        if not self._conf.exists() or self._conf.read_bytes() != conf:
            put(self._conf, conf, mode=0o600)

    def prepared(self) -> bool:
        """Whether database, users and catalog are as they should be: then starting the process is all there is."""
        try:
            return bool(json.loads(self._stamp.read_text("utf-8")) == self._wanted())
        except (OSError, ValueError):
            return False

    async def set_up(self) -> None:
        """Lay out the database and make the admin. `StartFailed` with the end of its log where that fails."""
        log = self._settings.log_dir / "keystone-setup.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        admin = {
            "OS_BOOTSTRAP_USERNAME": ADMIN,
            "OS_BOOTSTRAP_PASSWORD": self.passwords()["admin"],
            "OS_BOOTSTRAP_PROJECT_NAME": ADMIN,
            "OS_BOOTSTRAP_REGION_ID": self._settings.keystone.region,
            "OS_BOOTSTRAP_PUBLIC_URL": self.url,
            "OS_BOOTSTRAP_INTERNAL_URL": self.url,
            "OS_BOOTSTRAP_ADMIN_URL": self.url,
        }
        argv = [sys.executable, "-W", "ignore", "-m", "fractus.local.keystone_setup", str(self._conf)]
        code = await _run(argv, {**inherited(), **admin}, log)
        if code:
            raise StartFailed(f"Keystone's database could not be set up (exit code {code}):\n{tail(log)}")

    async def fill(self) -> None:
        """Make users and catalog in the running Keystone, and note that it is done. `CallFailed`."""
        passwords, keystone = self.passwords(), self._settings.keystone
        service = User(
            keystone.username,
            keystone.password or passwords["service"],
            keystone.project,
            ("admin", "service"),
            user_domain=keystone.user_domain,
            project_domain=keystone.project_domain,
            system_roles=("reader",),
        )
        users = [service]
        if self._demo:
            users.append(User(DEMO, passwords["demo"], DEMO, ("member", "reader")))
        async with Caller() as caller:
            await caller.log_in(self.url, ADMIN, passwords["admin"], ADMIN)
            await Catalog(caller, self.url).fill(users, keystone.region, self._settings.endpoint)
        put(self._stamp, (json.dumps(self._wanted(), indent=2) + "\n").encode(), mode=0o600)

    def program(self) -> Program:
        """How to run it."""
        settings = self._settings
        argv = [
            # HTTP/1 alone: where HTTP/2 is spoken too, a connection that says nothing is never closed.
            *(
                sys.executable,
                "-W",
                "ignore",
                "-m",
                "granian",
                "--interface",
                "asginl",
                "--no-ws",
                "--http",
                "1",
            ),
            *("--host", settings.api.host, "--port", str(settings.keystone.port)),
            *("--workers", str(_WORKERS), "--factory"),
            # A request still running after this many seconds is cut off when it is asked to stop.
            *("--workers-kill-timeout", "5"),
            "fractus.local.keystone_asgi:application",
        ]

        async def ready() -> bool:
            return await answers(self.url)

        return Program(
            name="keystone",
            argv=argv,
            environ={**inherited(), "OS_KEYSTONE_CONFIG_FILES": str(self._conf), THREADS: str(_THREADS)},
            cwd=self.directory,
            log=self._log,
            ready=ready,
        )

    @property
    def _stamp(self) -> Path:
        return self.directory / "ready.json"

    def _wanted(self) -> dict[str, object]:
        keystone = self._settings.keystone
        return {
            "keystone": importlib.metadata.version("keystone"),
            "url": self.url,
            "region": keystone.region,
            "endpoint": self._settings.endpoint,
            "services": [[one.type, one.name, one.path] for one in SERVICES],
            "user": [keystone.username, keystone.project],
            "demo": self._demo,
        }


async def _run(argv: list[str], environ: Mapping[str, str], log: Path) -> int:
    with open(log, "ab") as out:  # noqa: ASYNC230 - a file of our own on a local disk
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=out, env=environ, umask=0o077
        )
    try:
        return await process.wait()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
