"""The releases of OpenStack that a cloud can be of: where its programs and their files are, and how they are started.

A cloud is of the newest release unless `realcloud up NAME --release zed` (or 2024.1) says otherwise. Each release is
installed once, beside the others, and its schema migrations run once.

    newest   the virtual environment of `realcloud install`
    2024.1   a virtual environment of its own, from a lock resolved as of its time
    zed      2022.2, the packages of Debian 12 as they are, in a root directory of their own (debian.sh)

The APIs of the newest run as WSGI applications under uWSGI with threads. Those of older releases patch Python with
eventlet, which does not go with threads: Keystone and Placement alone are WSGI applications there, the others are the
servers that the release itself brings.
"""

import hashlib
import os

HERE = os.path.dirname(os.path.realpath(__file__))
NEWEST = "newest"
OLDER = ("zed", "2024.1")
# The servers that an older release brings: service, program, its configuration files, port.
SERVERS = (
    ("glance", "glance-api", ("glance-image-import", "glance-api"), "glance"),
    ("nova-api", "nova-api", ("nova",), "nova"),
    ("neutron", "neutron-server", ("neutron",), "neutron"),
    ("cinder-api", "cinder-api", ("cinder",), "cinder"),
)


def servers(cloud):
    """What the configuration of an older release has besides: where its servers listen."""
    ports, host = cloud.ports, "127.0.0.1"
    return {
        "glance": {"DEFAULT": {"bind_host": host, "bind_port": ports["glance"], "workers": 1}},
        "nova": {
            "DEFAULT": {
                "osapi_compute_listen": host,
                "osapi_compute_listen_port": ports["nova"],
                "osapi_compute_workers": 1,
                "enabled_apis": "osapi_compute",
            }
        },
        "neutron": {"DEFAULT": {"bind_host": host, "bind_port": ports["neutron"], "api_workers": 1}},
        "cinder": {
            "DEFAULT": {
                "osapi_volume_listen": host,
                "osapi_volume_listen_port": ports["cinder"],
                "osapi_volume_workers": 1,
            }
        },
    }


class Release:
    """What one release needs to be started. Paths are those that its programs see."""

    older = True
    wsgi = {
        "keystone": "keystone.server.wsgi:initialize_public_application()",
        "placement": "placement.wsgi:init_application()",
    }

    def __init__(self, name, home):
        self.name = name
        self.root = os.path.join(home, "releases", name)
        self.venv = os.path.join(self.root, "venv")
        self.templates = os.path.join(self.root, "dbtemplates")

    @property
    def source(self):
        """The file that decides what is installed."""
        return os.path.join(HERE, self.name + ".lock")

    @property
    def digest(self):
        """Another when another set of versions is wanted."""
        with open(self.source, "rb") as handle:
            return hashlib.sha256(handle.read()).hexdigest()

    @property
    def stamp(self):
        """Written when the installation is whole; holds its digest."""
        return os.path.join(self.root, "installed")

    @property
    def etc(self):
        """Where the services' own files are: paste, rootwrap, metadata definitions."""
        return os.path.join(self.venv, "etc")

    @property
    def python(self):
        """The interpreter."""
        return os.path.join(self.venv, "bin", "python")

    def program(self, name):
        """The path of a program."""
        return os.path.join(self.venv, "bin", name)

    def command(self, *argv):
        """What runs a program of the release, as this machine sees it."""
        return list(argv)

    def start(self, name, plugins, *arguments):
        """What starts a daemon of the release."""
        return self.command(self.python, self.program(name), *arguments)

    def uwsgi(self):
        """How uWSGI is started, but for what every application needs."""
        return [self.program("uwsgi"), "--home", self.venv]

    def install(self, run, environment):
        """Install it, with `run` and the program that fills a virtual environment from a lock."""
        run(environment, self.venv, self.source, log=self.root + "/install.log")

    def packages(self):
        """Where on this machine its Python packages lie."""
        return os.path.join(self.venv, "lib", "python3.11", "site-packages")


class Newest(Release):
    """The one that fractus is developed against."""

    older = False
    wsgi = {
        "keystone": "keystone.wsgi.api",
        "placement": "placement.wsgi.api",
        "glance": "glance.wsgi.api",
        "nova-api": "nova.wsgi.osapi_compute",
        "neutron": "neutron.wsgi.api",
        "cinder-api": "cinder.wsgi.api",
        "nova-metadata": "nova.wsgi.metadata",
    }

    def __init__(self, home):
        super().__init__(NEWEST, home)
        self.venv = os.path.join(home, "venv")
        self.templates = os.path.join(home, "dbtemplates")

    @property
    def source(self):
        return os.path.join(HERE, "..", "requirements.lock")

    @property
    def stamp(self):
        return os.path.join(os.path.dirname(self.venv), "installed")


class Debian(Release):
    """The packages of Debian 12: Zed, in a root directory of its own that sees the home at its own path."""

    def __init__(self, name, home):
        super().__init__(name, home)
        self.home = home
        self.tree = os.path.join(self.root, "root")

    @property
    def source(self):
        return os.path.join(HERE, "debian.sh")

    @property
    def etc(self):
        return "/etc"

    @property
    def python(self):
        return "/usr/bin/python3"

    def program(self, name):
        return "/usr/bin/" + name

    def command(self, *argv):
        return [os.path.join(HERE, "enter"), self.tree, self.home, *argv]

    def start(self, name, plugins, *arguments):
        launch = os.path.join(plugins, "realcloud_plugins", "launch.py")
        return self.command(self.python, launch, name, *arguments)

    def uwsgi(self):
        return ["/usr/bin/uwsgi_python3"]

    def install(self, run, environment):
        run(self.source, self.tree, log=self.root + "/install.log")

    def packages(self):
        return os.path.join(self.tree, "usr/lib/python3/dist-packages")


def release(name, home):
    """A release by its name."""
    kind = {"zed": Debian}.get(name, Release)
    return Newest(home) if name == NEWEST else kind(name, home)
