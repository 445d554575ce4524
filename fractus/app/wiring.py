"""Builds everything, once, and hands it on: no module below reads settings, clocks or files by itself."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import falcon.asgi
from prometheus_client import CollectorRegistry
from sqlalchemy import select, text

from fractus.app import private_files, registry
from fractus.app.children import Connect, ConnectedChildren
from fractus.app.keystone_limits import KeystoneLimits
from fractus.app.kinds import MIRRORS
from fractus.app.read_only import WriteGate
from fractus.auth.policy import Policy, RuleDefault
from fractus.auth.project_names import KeystoneProjects
from fractus.auth.projects import KeystoneProjectLookup, ProjectLookup
from fractus.auth.shared import SharedTokens
from fractus.auth.tokens import KeystoneTokens, Patience, ServiceCredential, TokenChecker
from fractus.auth.vault import Vault
from fractus.base.clock import Clock, SystemClock
from fractus.clouds.openstack.metrics import ChildCalls
from fractus.notify.broker import RabbitNotifier
from fractus.notify.connection import brokers
from fractus.notify.lanes import RabbitLanes
from fractus.notify.node import DatagramNotifier, LocalNotifier
from fractus.quota.limits import StoredLimits
from fractus.quota.quota import Quota
from fractus.quota.unified import UnifiedLimits
from fractus.reconcile.adopt.adoption import Adoption
from fractus.reconcile.kind import Lifecycle
from fractus.reconcile.machine import Machine, Pace, ScopeOf
from fractus.reconcile.queue.loop import Worker
from fractus.reconcile.queue.metrics import Metrics
from fractus.reconcile.queue.ownership import Ownership
from fractus.scheduling.choice import Affinity
from fractus.services.image.bits import Reserve
from fractus.services.image.download import Allowed
from fractus.services.volume.hosts.queries import Room
from fractus.settings.loading import Settings
from fractus.store import opening
from fractus.store.ledger import Ledger, Notifier
from fractus.store.migrate import upgrade
from fractus.store.resources import Resources
from fractus.store.transaction import Away, Query, Store
from fractus.web.face import WebSettings
from fractus.web.metrics import WebMetrics
from fractus.web.service import application

_alive = Query(select(text("1")))

#: A balancer that asks how we are does not wait for long. Seconds.
_HEALTH = 2.0


class Core:
    """What API, worker and command line share: rows, kinds, children."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        vault: Vault,
        clock: Clock,
        notifier: Notifier,
        metrics: CollectorRegistry,
    ) -> None:
        """Nothing is connected to yet."""
        self.settings = settings
        self.store = store
        self.vault = vault
        self.clock = clock
        self.registry = metrics
        given = settings.quota.given()
        self.unified = UnifiedLimits(given) if settings.quota.source == "keystone" else None
        limits = self.unified or StoredLimits(given)
        self.quota = Quota(registry.COSTS, registry.TABLES, limits)
        self.resources = Resources(registry.TABLES, self.quota)
        self.ledger = Ledger(self.resources, notifier)
        self.notifier = notifier
        self.sealed = registry.SEALED
        self.drivers: Mapping[str, Connect] = registry.drivers(
            clock, ChildCalls(metrics), settings.state_dir / "simulated"
        )
        self.children = ConnectedChildren(self.drivers, vault)
        self.kinds = registry.Kinds(
            store=store,
            resources=self.resources,
            ledger=self.ledger,
            quota=self.quota,
            clock=clock,
            children=self.children,
            images=Path(settings.images.directory),
            reserve=Reserve(settings.images.reserve_percent, settings.images.reserve_least << 20),
            downloads=Allowed(
                hosts=tuple(settings.images.download_hosts),
                ports=tuple(settings.images.download_ports),
                networks=tuple(settings.images.download_networks),
            ),
            vault=vault,
            stale_after=settings.work.stale_after,
            dns_domain=settings.network.dns_domain,
        )

    @property
    def lifecycles(self) -> Mapping[str, Lifecycle]:
        """Every kind, as the machine sees it."""
        every: Mapping[str, Lifecycle] = self.kinds.lifecycles
        return every

    @property
    def adoptions(self) -> Mapping[str, Adoption]:
        """Every kind that can be taken over from a cloud."""
        every: Mapping[str, Adoption] = self.kinds.adoptions
        return every

    def now(self) -> float:
        """Seconds since the epoch."""
        return self.clock.now()

    async def close(self) -> None:
        """Release children and store."""
        await self.children.close()
        await self.store.close()


def core(
    settings: Settings, *, notifier: Notifier | None = None, clock: Clock | None = None, crowded: bool = False
) -> Core:
    """Open the store (made or migrated if need be) and build what all processes share.

    `crowded`: for a process that answers many at a time, whose transactions are put together.
    """
    url = settings.store.url
    clock = clock or opening.clock_for(url, SystemClock())
    if opening.is_file(url):
        opening.path_of(url).parent.mkdir(parents=True, exist_ok=True)
    private_files.tighten(settings)
    upgrade(url, migrate=migrates(settings))
    Path(settings.images.directory).mkdir(parents=True, exist_ok=True)
    vault = Vault.load(Path(settings.auth.key_file), create=True)
    notifier = notifier or DatagramNotifier(settings.state_dir)
    store = opening.open_store(
        url, clock, size=settings.store.connections, seconds=settings.store.timeout, shared=crowded
    )
    return Core(settings, store, vault, clock, notifier, CollectorRegistry())


def migrates(settings: Settings) -> bool:
    """Whether a process that starts may change a database that is behind."""
    migrate = settings.store.migrate
    return opening.is_file(settings.store.url) if migrate == "auto" else migrate == "yes"


async def operator_parts(settings: Settings) -> Core:
    """For one command."""
    return core(settings)


def credential(settings: Settings) -> ServiceCredential:
    """Our own user in Keystone."""
    keystone = settings.keystone
    return ServiceCredential(
        auth_url=keystone.url,
        username=keystone.username,
        password=keystone.password,
        user_domain=keystone.user_domain,
        project=keystone.project,
        project_domain=keystone.project_domain,
        ca_file=keystone.ca_file,
    )


def pace(settings: Settings) -> Pace:
    """How fast the worker goes."""
    return Pace(
        concurrency=settings.work.concurrency_per_cloud,
        sweep=settings.work.sweep_interval,
        inventory=settings.work.full_sweep_interval,
        drain=settings.work.drain_within,
        # One that fails says so at once; silence alone means something only after some sweeps, which may be slow.
        silent=max(3 * settings.work.stale_after, 6 * settings.work.sweep_interval),
        keep_unneeded=settings.work.keep_unneeded,
        keep_deleted=settings.work.keep_deleted_days * 86400,
        automatic_percent=settings.holds.automatic_percent,
        automatic_least=settings.holds.automatic_least,
        automatic_window=settings.holds.automatic_window,
        at_most=settings.holds.at_most,
    )


#: Policies without files of an operator, by their rules: a simulation has a hundred clouds in a process.
_policies: dict[tuple[Any, ...], Policy] = {}


def _policy(directory: Path, rules: Mapping[str, Sequence[RuleDefault]]) -> Policy:
    files = {service: file for service in rules if (file := directory / f"{service}.yaml").exists()}
    if files:
        return Policy(rules, files)
    key = tuple((service, one.name, one.check_str) for service, every in rules.items() for one in every)
    found = _policies.get(key)
    if found is None:
        found = _policies[key] = Policy(rules)
    return found


def api(parts: Core, tokens: TokenChecker, projects: ProjectLookup) -> falcon.asgi.App[Any, Any]:
    """The ASGI application over all services."""
    services = parts.kinds.services(projects)
    policy = _policy(parts.settings.state_dir / "policy", {one.service.type: one.rules for one in services})

    async def health() -> str:
        try:
            async with asyncio.timeout(_HEALTH):
                await parts.store.rows(_alive)
        except Away as error:
            return f"The database is away: {error}"
        except Exception as error:
            return f"The database does not answer: {type(error).__name__}."
        return ""

    web = WebSettings(
        public_endpoint=parts.settings.endpoint,
        identity_uri=parts.settings.keystone.url,
        trust_forwarded=parts.settings.api.trust_forwarded,
        body_idle_timeout=parts.settings.api.body_idle_timeout,
        body_timeout=parts.settings.api.body_timeout,
    )
    gate = WriteGate(parts.store, parts.clock)

    def about() -> Mapping[str, Any]:
        return {"installation": parts.children.installation or "", "below": parts.children.below()}

    numbers = WebMetrics(parts.registry)
    return application(services, tokens, policy, web, numbers, parts.clock, health, gate, about)


def keystone_limits(parts: Core) -> KeystoneLimits | None:
    """What reads limits from Keystone, where they are kept there."""
    if parts.unified is None:
        return None
    settings = parts.settings
    return KeystoneLimits(
        credential(settings),
        settings.keystone.region,
        parts.unified,
        parts.clock,
        every=settings.quota.refresh,
    )


def _trusted(settings: Settings) -> Any:
    """Which certificates of Keystone are good, as aiohttp takes it."""
    ca_file = settings.keystone.ca_file
    return ssl.create_default_context(cafile=ca_file) if ca_file else True


def keystone_tokens(parts: Core) -> KeystoneTokens:
    """Tokens checked with the Keystone of the settings."""
    auth = parts.settings.auth
    shared = None
    if auth.memcached:
        keys = parts.vault.derived("tokens in memcached")
        shared = SharedTokens(auth.memcached, keys, parts.clock, ttl=auth.token_cache_ttl)
    return KeystoneTokens(
        credential(parts.settings),
        parts.clock,
        ttl=auth.token_cache_ttl,
        ssl=_trusted(parts.settings),
        patience=Patience(deadline=auth.token_deadline, per_address=auth.unknown_per_address),
        shared=shared,
    )


def keystone_project_lookup(settings: Settings) -> KeystoneProjectLookup:
    """Projects looked up in the Keystone of the settings."""
    return KeystoneProjectLookup(settings.keystone.url, ssl=_trusted(settings))


def notifier(settings: Settings) -> DatagramNotifier | RabbitNotifier:
    """How this process notifies the workers of all nodes. A notifier of a broker has to be started, and closed."""
    near = DatagramNotifier(settings.state_dir)
    urls = brokers(settings.wake.url)
    return RabbitNotifier(urls, heartbeat=settings.wake.heartbeat, instead=near.notify) if urls else near


def rabbit_lanes(settings: Settings) -> RabbitLanes | None:
    """Who says which lanes are this worker's; None without a broker."""
    urls = brokers(settings.wake.url)
    return RabbitLanes(urls, heartbeat=settings.wake.heartbeat) if urls else None


def worker(
    parts: Core,
    notifier: LocalNotifier,
    scope_of: ScopeOf | None = None,
    at: Pace | None = None,
    *,
    owner: str = "",
    ownership: Ownership | None = None,
) -> Worker:
    """The machine over all kinds and children. It listens to `notifier`. Without an `ownership` it runs every lane."""
    machine = Machine(
        store=parts.store,
        resources=parts.resources,
        lifecycles=parts.lifecycles,
        children=parts.children,
        clock=parts.clock,
        notifier=notifier,
        scope_of=scope_of or KeystoneProjects(credential(parts.settings)).scope_of,
        pace=at or pace(parts.settings),
        affinity=Affinity(parts.settings.scheduling.network_affinity),
        mirrors={one.mirrored.kind: one for one in MIRRORS},
        room={"volume": Room(parts.resources)},
    )
    made = Worker(machine, Metrics(parts.registry), owner=owner, ownership=ownership)
    notifier.listen(made.notify)
    return made
