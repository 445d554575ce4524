"""Each contract of .importlinter catches what it is there for: one planted import at a time, in a bare tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[3]

PACKAGES = """
    testing cli simulation local app operations deploy services clouds web reconcile
    reconcile.queue reconcile.sweep reconcile.converge reconcile.adopt reconcile.guard
    settings auth scheduling addressing overlay quota metering store model base
    services.compute services.compute.servers services.compute.flavors services.network services.network.ports
    clouds.openstack clouds.simulated web.microversion
""".split()
PARTS = "table queries view schema versions policy api lifecycle".split()
SERVERS = "services.compute.servers"

FLOORS = "Floors: imports only point down"
PART_ORDER = "Inside a resource: the same parts, in order"
RESOURCES = "Resources do not know each other"
DRIVERS = "Drivers do not know each other"
VOCABULARY = "Drivers see the vocabulary only"
API_HALF = "The API half does not know the machine"
WORKER_HALF = "The worker half does not know HTTP"
PURE = "Pure parts read no database and call no cloud"
OPERATIONS = "Operations know neither terminal nor HTTP"
DEPLOY = "Deployments know nothing of the inside"
CIRCLES = "No circles"
MACHINE = "Inside the machine: queue, sweep, converge and adopt, guard"

# module that imports, what it imports ("" for nothing: the module itself is the fault), contract that must break
PLANTED = [
    ("app.wiring", "fractus.testing", FLOORS),
    ("testing.world", "fractus.cli", FLOORS),
    ("cli.frame", "fractus.testing", FLOORS),
    ("simulation.start", "fractus.cli", FLOORS),
    ("local.up", "fractus.simulation", FLOORS),
    ("local.up", "fractus.cli", FLOORS),
    ("app.wiring", "fractus.local", FLOORS),
    ("operations.clouds", "fractus.app", FLOORS),
    ("operations.clouds", "fractus.deploy", FLOORS),
    ("deploy.check", "fractus.operations", FLOORS),
    ("reconcile.loop", "fractus.operations", FLOORS),
    ("settings.sections", "fractus.app", FLOORS),
    ("settings.sections", "fractus.auth", FLOORS),
    ("store.rows", "fractus.settings", FLOORS),
    ("operations.clouds", "click", OPERATIONS),
    ("operations.clouds", "rich.table", OPERATIONS),
    ("operations.clouds", "fractus.web", OPERATIONS),
    ("services.compute.faces", "fractus.app", FLOORS),
    ("services.compute.faces", "fractus.clouds.openstack", FLOORS),
    ("clouds.openstack.servers", "fractus.services.compute", FLOORS),
    ("web.routing", "fractus.services.compute", FLOORS),
    ("web.routing", "fractus.reconcile", FLOORS),
    ("reconcile.loop", "fractus.web", FLOORS),
    ("reconcile.loop", "fractus.clouds.openstack", FLOORS),
    ("reconcile.sweep.ingest", "fractus.reconcile.queue", MACHINE),
    ("reconcile.converge.needs", "fractus.reconcile.sweep", MACHINE),
    ("reconcile.converge.needs", "fractus.reconcile.adopt", MACHINE),
    ("reconcile.guard.holds", "fractus.reconcile.converge", MACHINE),
    ("auth.tokens", "fractus.web", FLOORS),
    ("quota.spend", "fractus.auth", FLOORS),
    ("scheduling.filters", "fractus.addressing", FLOORS),
    ("overlay.plan", "fractus.addressing", FLOORS),
    ("store.rows", "fractus.quota", FLOORS),
    ("model.server", "fractus.store", FLOORS),
    ("base.clock", "fractus.model", FLOORS),
    ("util", "", FLOORS),
    (f"{SERVERS}.view", "fractus.services.compute.servers.queries", PURE),
    (f"{SERVERS}.table", "fractus.services.compute.servers.queries", PART_ORDER),
    (f"{SERVERS}.policy", "fractus.services.compute.servers.queries", PART_ORDER),
    (f"{SERVERS}.view", "fractus.services.compute.servers.schema", PART_ORDER),
    (f"{SERVERS}.policy", "fractus.services.compute.servers.versions", PART_ORDER),
    (f"{SERVERS}.lifecycle", "fractus.services.compute.servers.api", PART_ORDER),
    (f"{SERVERS}.api", "fractus.services.compute.servers.lifecycle", PART_ORDER),
    (f"{SERVERS}.helpers", "", PART_ORDER),
    (f"{SERVERS}.api", "fractus.services.compute.flavors", RESOURCES),
    (f"{SERVERS}.api", "fractus.services.network.ports.queries", RESOURCES),
    (f"{SERVERS}.lifecycle", "fractus.services.network.ports.table", RESOURCES),
    ("clouds.openstack.servers", "fractus.clouds.simulated", DRIVERS),
    ("clouds.openstack.servers", "fractus.store", VOCABULARY),
    ("clouds.openstack.servers", "fractus.auth", VOCABULARY),
    ("clouds.openstack.servers", "fractus.web.microversion", VOCABULARY),
    ("clouds.openstack.servers", "fractus.reconcile", VOCABULARY),
    ("clouds.openstack.servers", "sqlalchemy.engine", VOCABULARY),
    ("deploy.check", "fractus.reconcile", DEPLOY),
    ("deploy.render", "fractus.store", DEPLOY),
    (f"{SERVERS}.api", "fractus.reconcile", API_HALF),
    (f"{SERVERS}.lifecycle", "fractus.web", WORKER_HALF),
    (f"{SERVERS}.queries", "fractus.web.microversion", WORKER_HALF),
    (f"{SERVERS}.table", "fractus.web", WORKER_HALF),
    (f"{SERVERS}.view", "fractus.store", PURE),
    (f"{SERVERS}.view", "sqlalchemy", PURE),
    (f"{SERVERS}.schema", "sqlalchemy", PURE),
    (f"{SERVERS}.versions", "fractus.store", PURE),
    (f"{SERVERS}.versions", "aiohttp", PURE),
]

# What must stay possible, all of it at once.
ALLOWED = [
    ("app.wiring", "fractus.services.compute.servers.api"),
    ("app.wiring", "fractus.clouds.openstack"),
    ("testing.world", "fractus.app.wiring"),
    ("testing.world", "fractus.operations"),
    ("cli.frame", "click"),
    ("cli.frame", "fractus.simulation"),
    ("cli.frame", "fractus.deploy"),
    ("simulation.start", "fractus.local"),
    ("local.up", "fractus.app.wiring"),
    ("local.up", "fractus.operations"),
    ("app.wiring", "fractus.operations"),
    ("app.wiring", "fractus.settings"),
    ("operations.clouds", "fractus.reconcile"),
    ("operations.clouds", "fractus.settings"),
    ("testing.world", "fractus.clouds.simulated"),
    (f"{SERVERS}.api", "fractus.web"),
    (f"{SERVERS}.api", "fractus.quota"),
    (f"{SERVERS}.api", "fractus.services.compute.servers.queries"),
    (f"{SERVERS}.api", "fractus.services.compute.servers.view"),
    (f"{SERVERS}.api", "fractus.services.compute"),
    (f"{SERVERS}.lifecycle", "fractus.reconcile"),
    (f"{SERVERS}.lifecycle", "fractus.scheduling"),
    (f"{SERVERS}.lifecycle", "fractus.services.compute.servers.queries"),
    (f"{SERVERS}.policy", "fractus.auth"),
    (f"{SERVERS}.versions", "fractus.web.microversion"),
    (f"{SERVERS}.view", "fractus.model"),
    (f"{SERVERS}.queries", "fractus.services.compute.servers.table"),
    (f"{SERVERS}.table", "fractus.store"),
    (f"{SERVERS}.table", "sqlalchemy"),
    ("clouds.openstack.servers", "fractus.model"),
    ("clouds.openstack.servers", "aiohttp"),
    ("web.routing", "fractus.auth"),
    ("reconcile.loop", "fractus.store"),
    ("reconcile.queue.loop", "fractus.reconcile.sweep"),
    ("reconcile.sweep.ingest", "fractus.reconcile.converge"),
    ("reconcile.converge.needs", "fractus.reconcile.guard"),
    ("auth.tokens", "fractus.store"),
    ("quota.spend", "fractus.store"),
    ("store.rows", "fractus.model"),
    ("model.server", "fractus.base"),
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A package named fractus with every floor, two services, two drivers, and nothing imported."""
    (tmp_path / "fractus").mkdir()
    (tmp_path / "fractus" / "__init__.py").touch()
    for package in PACKAGES:
        folder = tmp_path / "fractus" / package.replace(".", "/")
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()
    for resource in (SERVERS, "services.network.ports"):
        for part in PARTS:
            (tmp_path / "fractus" / resource.replace(".", "/") / f"{part}.py").touch()
    shutil.copy(CHECKOUT / ".importlinter", tmp_path)
    return tmp_path


def plant(tree: Path, importer: str, imported: str) -> None:
    path = tree / "fractus" / f"{importer.replace('.', '/')}.py"
    with path.open("a") as file:
        file.write(f"import {imported}\n" if imported else "")


def lint(tree: Path) -> str:
    """What lint-imports says of the tree."""
    code = "import sys; from importlinter.cli import lint_imports_command; lint_imports_command(sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", code, "--no-cache"],
        cwd=tree,
        # The tree in place of the package that is installed here.
        env={**os.environ, "PYTHONPATH": str(tree), "COLUMNS": "200"},
        capture_output=True,
        text=True,
    )
    assert "Contracts:" in done.stdout, done.stdout + done.stderr
    return done.stdout


def broken(said: str) -> set[str]:
    return {line.removesuffix(" BROKEN") for line in said.splitlines() if line.endswith(" BROKEN")}


def test_the_bare_tree_with_all_imports_that_the_design_needs_keeps_every_contract(tree: Path) -> None:
    for importer, imported in ALLOWED:
        plant(tree, importer, imported)
    said = lint(tree)
    assert "Contracts: 12 kept, 0 broken." in said, said


@pytest.mark.parametrize(("importer", "imported", "contract"), PLANTED)
def test_a_planted_import_breaks_its_contract(
    tree: Path, importer: str, imported: str, contract: str
) -> None:
    plant(tree, importer, imported)
    assert contract in broken(lint(tree))


def test_a_circle_inside_one_package_is_found(tree: Path) -> None:
    plant(tree, "store.rows", "fractus.store.leases")
    plant(tree, "store.leases", "fractus.store.rows")
    assert broken(lint(tree)) == {CIRCLES}


def test_an_import_through_a_third_module_is_found(tree: Path) -> None:
    plant(tree, f"{SERVERS}.view", "fractus.web")
    (tree / "fractus" / "web" / "__init__.py").write_text("import fractus.store\n")
    assert PURE in broken(lint(tree))
