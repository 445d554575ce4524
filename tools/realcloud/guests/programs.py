"""The programs of a cloud with guests, besides those that every cloud has."""

import os
import socket
from collections import namedtuple

HERE = os.path.dirname(os.path.realpath(__file__))
# `inside`: whether it runs in the site; `probe`: says that it is ready, or None.
Program = namedtuple("Program", "name argv inside probe port", defaults=(None, None))
NEUTRON_AGENTS = {
    "neutron-openvswitch-agent": ["agents"],
    "neutron-dhcp-agent": ["agents"],
    "neutron-l3-agent": ["agents", "l3-agent"],
    "neutron-metadata-agent": ["agents"],
}


def files(cloud, *names):
    """Options that name configuration files of the cloud."""
    return [word for name in names for word in ("--config-file", "%s/etc/%s.conf" % (cloud.dir, name))]


def exists(path):
    """Ready when a file is there."""
    return lambda: os.path.exists(path)


def listens(port):
    """Ready when a port of loopback is answered."""

    def probe():
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False

    return probe


def first(cloud, python, host):
    """What all else that runs inside needs, in the order of starting; each is to be ready before the next."""
    ports = cloud.ports
    infra = [cloud.infra.port(offset) for offset in (0, 1)]  # the database (cinder-volume) and the broker
    keystone = [cloud.keystone.ports[name] for name in ("keystone", "keystone-memcached")]
    own = [ports[n] for n in ("placement", "glance", "nova", "neutron", "cinder", "memcached", "nova-metadata")]
    switch = [os.path.join(HERE, "switch.sh"), cloud.dir + "/state/switch"]
    return [
        Program("site", cloud.place.holder(python, host), False, exists(cloud.place.state + "/held")),
        Program(
            "forward",
            [
                python, os.path.join(HERE, "forward.py"), cloud.place.pidfile,
                "--in", *map(str, sorted({*infra, *keystone, *own})), "--out", str(ports["serial-proxy"]),
            ],
            False,
            listens(ports["serial-proxy"]),
            ports["serial-proxy"],
        ),
        Program("switch-database", [*switch, "database"], True),
        Program("switch-datapath", [*switch, "datapath"], True),
        Program("libvirtd", ["libvirtd"], True),
    ]


def servers(cloud, python, venv):
    """What runs beside the APIs, outside the site."""
    return [
        Program(name, [python, "%s/bin/%s" % (venv, name), *files(cloud, "neutron")], False)
        for name in ("neutron-rpc-server", "neutron-periodic-workers")
    ]


def last(cloud, python, venv):
    """What needs the APIs: agents and proxies."""
    found = [
        Program(name, [python, "%s/bin/%s" % (venv, name), *files(cloud, *names)], True)
        for name, names in NEUTRON_AGENTS.items()
    ]
    found.append(
        Program("nova-serialproxy", [python, venv + "/bin/nova-serialproxy", *files(cloud, "nova")], True)
    )
    return found
