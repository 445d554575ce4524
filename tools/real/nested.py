"""Stands a fractus up whose children are fractuses: what the walk of tests/real needs of two floors.

    nested.py DIRECTORY [CLOUD CLOUD]     (FRACTUS_REAL_CLOUDS_YAML is set where clouds are named, see nested.sh)

The child `east` is a fractus over two simulated clouds. The child `west` is one too, or one over the real clouds that
are named. Each has a Keystone of its own.

Writes DIRECTORY/children.yaml with the entries `east-admin` and `west-admin`, and DIRECTORY/clouds.yaml with `ann`,
`bob` and `root` of the one above.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import openstack
import yaml
from openstack.connection import Connection

from tools.real.stand import PASSWORD, TENANTS, entry, free_port, make_tenants


class Floor:
    """One fractus with a Keystone of its own; its state, and the home that its clients' file is in."""

    def __init__(self, work: Path, name: str) -> None:
        self.state, self.home = work / name, work / f"{name}-home"
        self.home.mkdir(parents=True, exist_ok=True)

    def run(self, *words: str) -> str:
        """The operator's command; what it printed. `CalledProcessError` where it was refused."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
        environ = {**clean, "FRACTUS_STATE": str(self.state), "HOME": str(self.home)}
        command = [sys.executable, "-m", "fractus", *words]
        done = subprocess.run(command, env=environ, text=True, capture_output=True)
        print(done.stdout, done.stderr, sep="", end="", flush=True)
        done.check_returncode()
        return done.stdout

    def up(self, *words: str) -> None:
        """Start it."""
        ports = ["--port", str(free_port()), "--keystone-port", str(free_port())]
        self.run("up", "--detach", *ports, *words)

    @property
    def admin(self) -> dict[str, Any]:
        """The entry of its administrator."""
        (file,) = self.home.rglob("clouds.yaml")
        entries = yaml.safe_load(file.read_text())["clouds"]
        found: dict[str, Any] = entries["fractus-admin"]
        return found


def main() -> None:
    """Stand all of it up."""
    work, names = Path(sys.argv[1]), sys.argv[2:]
    lower = {zone: Floor(work, f"lower-{zone}") for zone in ("east", "west")}
    for zone, floor in lower.items():
        if zone == "east" or not names:
            floor.up()
            continue
        floor.up("--no-demo")
        for name in names:
            floor.run(
                *("cloud", "add", name, "--os-cloud", f"{name}-admin"),
                *("--clouds-yaml", os.environ["FRACTUS_REAL_CLOUDS_YAML"]),
            )
    children = {f"{zone}-admin": floor.admin for zone, floor in lower.items()}
    file = work / "children.yaml"
    file.write_text(yaml.safe_dump({"clouds": children}))
    upper = Floor(work, "state")
    upper.up("--no-demo")
    for zone in lower:
        upper.run("cloud", "add", zone, "--os-cloud", f"{zone}-admin", "--clouds-yaml", str(file))
    own = work / "upper.yaml"
    own.write_text(yaml.safe_dump({"clouds": {"upper-admin": upper.admin}}))
    make_tenants(
        Connection(config=openstack.config.OpenStackConfig(config_files=[str(own)]).get_one("upper-admin"))
    )
    url = upper.admin["auth"]["auth_url"]
    clouds = {name: entry(url, name, PASSWORD, name) for name in TENANTS}
    clouds["root"] = upper.admin
    (work / "clouds.yaml").write_text(yaml.safe_dump({"clouds": clouds}))
    upper.run("cloud", "list")


if __name__ == "__main__":
    main()
