"""What is simulated: how many clouds, of which size, listening where. Kept for the next start."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from fractus.base.files import put
from fractus.settings.loading import SettingsError, state_dir_of
from fractus.simulation import ids

#: Of the largest port number less the first, and of three digits in a name.
MOST_CLOUDS = 999
#: Addresses and MACs of filled clouds are numbered with 24 bits.
MOST_SERVERS = 16_000_000

_FILE = "simulate.json"


class Plan(Struct, frozen=True, kw_only=True):
    """All that a simulation is, and what is said of it at its start."""

    clouds: int = 3
    hosts: int = 100
    """Of each cloud."""
    servers: int = 0
    """With which each cloud begins."""
    owned: bool = False
    """Whether these servers are a parent's, and carry its markers."""
    seed: int = 1
    """Of all that happens by chance."""
    host: str = "127.0.0.1"
    port: int = 15000
    """Cloud 1 listens on the port after this one, and so on."""
    processes: int = 1
    change: float = 0.0
    """Percent of the servers that change by themselves in a minute."""
    latency: float = 1.0
    """Times what an idle OpenStack on a machine of two cores takes; 0: answer at once."""

    def port_of(self, cloud: int) -> int:
        """Where cloud `cloud` listens."""
        return self.port + cloud

    def url_of(self, cloud: int) -> str:
        """The root of its services."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port_of(cloud)}"

    def shares(self) -> list[list[int]]:
        """The clouds of each process."""
        every = list(range(1, self.clouds + 1))
        return [every[at :: self.processes] for at in range(min(self.processes, self.clouds))]

    def numbers(self) -> dict[str, int]:
        """Cloud by name."""
        return {ids.cloud_name(cloud): cloud for cloud in range(1, self.clouds + 1)}


#: What may be said anew at each start; the rest is how the clouds were made.
_LOOSE = ("port", "host", "processes", "change", "latency")


def read(state: Path) -> Plan | None:
    """The plan of an earlier start in this directory, if there was one."""
    try:
        return msgspec.json.decode((state / _FILE).read_bytes(), type=Plan)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise SettingsError(f"{state / _FILE} cannot be read: {error}.") from error


def agreed(state: Path, given: dict[str, object]) -> Plan:
    """The plan of this start: what was given, over what an earlier start made. `SettingsError` where they differ."""
    before = read(state)
    if before is None:
        plan = msgspec.convert(given, Plan)
    else:
        for name, value in given.items():
            made = getattr(before, name)
            if name not in _LOOSE and value != made:
                raise SettingsError(
                    f"The clouds in {state} were made with --{name} {made}, which cannot be {value} now. Leave the "
                    f"option out, choose another --state, or remove the directory."
                )
        plan = msgspec.structs.replace(before, **given)
    _check(plan)
    return plan


def _check(plan: Plan) -> None:
    if plan.port + plan.clouds > 65535:
        most = 65535 - plan.clouds
        raise SettingsError(
            f"{plan.clouds} clouds need as many ports after --port {plan.port}: choose one up to {most}."
        )
    if plan.clouds * plan.servers > MOST_SERVERS:
        raise SettingsError(
            f"{plan.clouds} clouds of {plan.servers} servers are more than {MOST_SERVERS:,} in all, "
            "for which there are no addresses."
        )


def write(state: Path, plan: Plan) -> None:
    """Keep it for the next start."""
    put(state / _FILE, msgspec.json.format(msgspec.json.encode(plan)) + b"\n")


def default_state() -> Path:
    """Where a simulation is kept if nothing else is said."""
    return state_dir_of() / "simulation"
