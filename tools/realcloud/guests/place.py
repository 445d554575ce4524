"""The site of a cloud: namespaces of network, mounts and processes that belong to it alone.

Everything that handles packets and guests runs inside. The kernel ends all processes of a site when its first one ends
(hold.py), and with them go its mounts, its taps and the network namespaces that Neutron's agents made, so nothing is
left of a site that is down.

The sites of one home share one more network namespace, the internet. Each site's external bridge is joined to it by a
pair of virtual Ethernet devices, whose end there has the gateway address of the site's external subnets. It routes
between sites, and a user on the internet is a program that runs in it.
"""

import contextlib
import os
import subprocess

HERE = os.path.dirname(os.path.realpath(__file__))
EXTERNAL_DEVICE = "ext0"  # inside a site, a port of br-ex
NETNS = "/run/netns"


def ip(*words, check=True):
    """Run ip(8)."""
    subprocess.run(["ip", *words], check=check, stderr=None if check else subprocess.DEVNULL)


class Place:
    """The site of one cloud. `number` is unique among the clouds of a home and below 200."""

    def __init__(self, name, prefix, number, directory, pidfile):
        self.name, self.number, self.directory, self.pidfile = name, number, directory, pidfile
        self.prefix = "%s-" % prefix
        self.site = self.prefix + name
        self.internet = self.prefix + "internet"

    @property
    def external(self):
        """The external subnets as (family, CIDR, gateway), IPv4 first."""
        return [
            (4, "172.24.%d.0/24" % self.number, "172.24.%d.1" % self.number),
            (6, "2001:db8:24:%x::/64" % self.number, "2001:db8:24:%x::1" % self.number),
        ]

    @property
    def state(self):
        """The directory of the site."""
        return os.path.join(self.directory, "site")

    def make(self):
        """Make the network namespaces and join them; what is there already stays."""
        if not os.path.exists(os.path.join(NETNS, self.internet)):
            ip("netns", "add", self.internet)
            ip("-n", self.internet, "link", "set", "lo", "up")
            for name in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
                self.on_internet("sysctl", "-q", "-w", name + "=1")
        if os.path.exists(os.path.join(NETNS, self.site)):
            return
        ip("netns", "add", self.site)
        ip("-n", self.site, "link", "set", "lo", "up")
        there = self.name[:15]
        ip("link", "add", EXTERNAL_DEVICE, "netns", self.site, "type", "veth", "peer", "name", there, "netns", self.internet)
        for family, cidr, gateway in self.external:
            more = ["nodad"] if family == 6 else []
            ip("-n", self.internet, "address", "add", "%s/%s" % (gateway, cidr.split("/")[1]), "dev", there, *more)
        ip("-n", self.internet, "link", "set", there, "up")
        ip("-n", self.site, "link", "set", EXTERNAL_DEVICE, "up")
        # The userspace datapath computes no checksums: the devices' ends must not leave them open.
        self.on_internet("ethtool", "-K", there, "tx", "off")
        self.in_network("ethtool", "-K", EXTERNAL_DEVICE, "tx", "off")

    def remove(self):
        """Remove them; the internet goes with the last site. No process may be left in the site."""
        for name in (self.site, self.internet):
            if name == self.internet and any(other.startswith(self.prefix) and other != name for other in self.all()):
                continue
            with contextlib.suppress(FileNotFoundError):
                os.stat(os.path.join(NETNS, name))
                ip("netns", "delete", name)
        if os.path.isdir(NETNS) and not self.all():
            # ip(8) made the directory a mount of its own; busy, it is in use again.
            subprocess.run(["umount", NETNS], check=False, stderr=subprocess.DEVNULL)

    @staticmethod
    def all():
        """The names of all network namespaces of the machine."""
        return os.listdir(NETNS) if os.path.isdir(NETNS) else []

    def on_internet(self, *argv):
        """Run a program on the internet, quietly."""
        subprocess.run([*on_internet(self.internet), *argv], check=True, stdout=subprocess.DEVNULL)

    def in_network(self, *argv):
        """Run a program in the site's network, quietly; the site need not be held."""
        subprocess.run([*on_internet(self.site), *argv], check=True, stdout=subprocess.DEVNULL)

    def holder(self, python, host):
        """The command of the site's first process; `host` is the name that the site's machine has."""
        return [
            *on_internet(self.site), "unshare", "--uts", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child",
            "--mount-proc", python, os.path.join(HERE, "hold.py"), self.state, host,
        ]

    def inside(self, *argv):
        """The command that runs another inside the site; the site must be held when it is started."""
        return [os.path.join(HERE, "enter"), self.pidfile, *argv]


def on_internet(namespace):
    """The beginning of a command that runs the rest in a network namespace, with this process's own mounts.

    Not `ip netns exec`: that gives it a mount namespace in which later network namespaces do not appear.
    """
    return ["nsenter", "--net=" + os.path.join(NETNS, namespace)]
