"""The network of a laboratory: one bridge in a namespace of its own, and a namespace with one cable for each node.

Nothing of it is connected to the machine's own network. A node is cut off by pulling its cable out of the bridge: it
keeps its link and hears nothing, which is worse than a link that is down, for nobody notices.
"""

from __future__ import annotations

import ipaddress
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tools.lab.place import ADDRESSES, CLIENT, NETWORK, Place

BRIDGE = "br0"
_LENGTH = ipaddress.ip_network(NETWORK).prefixlen


def ip(*words: str, check: bool = True) -> str:
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if check and done.returncode:
        raise RuntimeError(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def exists(namespace: str) -> bool:
    return Path("/run/netns", namespace).exists()


def members() -> dict[str, str]:
    """Everything with a cable: node -> address."""
    return {**ADDRESSES, "client": CLIENT}


def up(place: Place) -> None:
    """Make what is missing."""
    bridge = place.namespace("net")
    if not exists(bridge):
        ip("netns", "add", bridge)
        ip("-n", bridge, "link", "set", "lo", "up")
        ip("-n", bridge, "link", "add", BRIDGE, "type", "bridge", "forward_delay", "0")
        ip("-n", bridge, "link", "set", BRIDGE, "up")
    for node, address in members().items():
        namespace = place.namespace(node)
        if exists(namespace):
            continue
        ip("netns", "add", namespace)
        ip("-n", namespace, "link", "set", "lo", "up")
        # Both ends are made inside: none of them is ever in the machine's own network.
        ip("-n", bridge, "link", "add", node, "type", "veth", "peer", "name", "eth0", "netns", namespace)
        ip("-n", bridge, "link", "set", node, "master", BRIDGE, "up")
        ip("-n", namespace, "addr", "add", f"{address}/{_LENGTH}", "dev", "eth0")
        ip("-n", namespace, "link", "set", "eth0", "up")


def partition(place: Place, node: str) -> None:
    """Cut a node off from all others."""
    ip("-n", place.namespace("net"), "link", "set", node, "nomaster")


def heal(place: Place, node: str) -> None:
    """Connect it again."""
    ip("-n", place.namespace("net"), "link", "set", node, "master", BRIDGE, "up")


def block(
    place: Place, node: str, name: str, *, ports: Sequence[int] = (), address: str = "", deaf: bool = False
) -> None:
    """Drop some of what a node says and hears, silently: of these TCP ports at either end, or of one address.

    `name`: what it is undone by, a word. `deaf`: it hears nobody, and goes on to speak.
    """
    table = f"inet lab_{name}"
    rules = [f"add table {table}", f"delete table {table}", f"add table {table}"]
    for hook in ("input", "output"):
        rules.append(f"add chain {table} {hook} {{ type filter hook {hook} priority 0; }}")
        if ports:
            some = ", ".join(str(port) for port in ports)
            rules += [f"add rule {table} {hook} tcp {end} {{ {some} }} drop" for end in ("sport", "dport")]
    if address:
        rules.append(f"add rule {table} input ip saddr {address} drop")
        rules.append(f"add rule {table} output ip daddr {address} drop")
    if deaf:
        rules.append(f'add rule {table} input iifname "eth0" drop')
    _nft(place, node, rules)


def unblock(place: Place, node: str, name: str = "") -> None:
    """Say and hear what was dropped under this name again; without a name, everything."""
    if not name:
        _nft(place, node, ["flush ruleset"])
        return
    _nft(place, node, [f"add table inet lab_{name}", f"delete table inet lab_{name}"])


def _nft(place: Place, node: str, rules: Sequence[str]) -> None:
    argv = ["ip", "netns", "exec", place.namespace(node), "nft", "-f", "-"]
    done = subprocess.run(argv, input="\n".join(rules) + "\n", capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"nft on {node}: {done.stderr.strip()}")


def cut_off(place: Place) -> list[str]:
    """The nodes that are cut off."""
    bridge = place.namespace("net")
    if not exists(bridge):
        return []
    attached = ip("-n", bridge, "-o", "link", "show", "master", BRIDGE)
    inside = {line.split(": ")[1].split("@")[0] for line in attached.splitlines()}
    return [node for node in members() if node not in inside]


def down(place: Place) -> None:
    """Remove the namespaces, and all in them."""
    for node in [*members(), "net"]:
        if exists(place.namespace(node)):
            ip("netns", "del", place.namespace(node))
