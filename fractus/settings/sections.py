"""The sections of the settings: every field with its meaning, unit, and the reason for its default.

The sentences are part of the types, so that `fractus config sample` prints them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import fields

Port = Annotated[int, Meta(ge=1, le=65535)]


class Api(Struct, frozen=True, kw_only=True):
    """The one endpoint that users talk to."""

    host: Annotated[
        str,
        Meta(
            description="The address to listen on. This machine only, unless you say otherwise: "
            "tokens travel over it in the clear until something in front of it speaks TLS."
        ),
    ] = "127.0.0.1"
    port: Annotated[Port, Meta(description="The port to listen on; next to the usual 8774 (nova).")] = 8780
    public_endpoint: Annotated[
        str,
        Meta(
            description="The URL that users reach the API by, as written into the catalog and into links. "
            "Empty: http://<host>:<port>, with a certificate https."
        ),
    ] = ""
    tls_cert: Annotated[
        str,
        Meta(
            description="The certificate (PEM, with those between it and its authority behind it) that the API is "
            "served with. Read anew within seconds when it changes. Empty: HTTP, for this machine or a proxy."
        ),
    ] = ""
    tls_key: Annotated[
        str, Meta(description="Its private key (PEM, without a passphrase), which not everybody may read.")
    ] = ""
    tls_ca: Annotated[
        str,
        Meta(
            description="The authority (PEM) that signed it, where operating systems do not know it: for `fractus up` "
            "itself, and for the entries that it writes into clouds.yaml."
        ),
    ] = ""
    workers: Annotated[
        int,
        Meta(
            ge=1,
            description="Processes that answer requests. One, because a SQLite store has one writer anyway; "
            "one per core is right on a database server.",
        ),
    ] = 1

    trust_forwarded: Annotated[
        bool,
        Meta(
            description="Whether X-Forwarded-For (its last address), X-Forwarded-Proto and X-Forwarded-Host are "
            "believed. Behind a proxy that adds the first and sets or removes the others, and only there: what is "
            "limited for each address is else limited for all users together."
        ),
    ] = False
    body_idle_timeout: Annotated[
        float,
        Meta(
            gt=0,
            description="Seconds in which at least 4 KiB of a request's body, or its end, must arrive, else it is cut "
            "off with 408: the body of an image may take as long as it likes while it moves.",
        ),
    ] = 60.0
    body_timeout: Annotated[
        float,
        Meta(
            gt=0,
            description="Seconds that the body of any other request (JSON, 1 MiB at most) may take in all, else 408.",
        ),
    ] = 60.0
    drain_notice: Annotated[
        float,
        Meta(
            ge=0,
            description="Seconds that a process which is asked to stop (SIGTERM) goes on answering while its health "
            "check says 503: as long as the balancer in front of it needs to notice. 0: nothing is in front of it.",
        ),
    ] = 0.0
    drain_within: Annotated[
        float,
        Meta(
            ge=0,
            description="Seconds that requests under way then have to end, uploads of images among them. Under the "
            "ten that `fractus up` gives; a node behind a balancer can wait for longer.",
        ),
    ] = 6.0


class Log(Struct, frozen=True, kw_only=True):
    """What every process writes to its log."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="The least important events that are written: debug, info, warning or error."),
    ] = "info"
    json: Annotated[
        bool, Meta(description="One JSON object a line, for machines. False: columns, for people.")
    ] = False


class Keystone(Struct, frozen=True, kw_only=True):
    """Where tokens are issued and checked, and who fractus is there."""

    mode: Annotated[
        Literal["embedded", "external"],
        Meta(
            description="embedded: `fractus up` runs a Keystone on SQLite under the state directory. "
            "external: an operator's own, at `url`."
        ),
    ] = "embedded"
    port: Annotated[Port, Meta(description="The port of the embedded Keystone, on api.host.")] = 8781
    url: Annotated[
        str,
        Meta(description="The URL of an external Keystone, with /v3. Embedded: follows from the port."),
    ] = ""
    username: Annotated[str, Meta(description="The user that fractus checks tokens as.")] = "fractus"
    password: Annotated[
        str, Meta(description="Its password. Embedded: random, kept in keystone/secrets.json (0600).")
    ] = ""
    user_domain: Annotated[str, Meta(description="The name of the domain of that user.")] = "Default"
    project: Annotated[
        str, Meta(description="The project it has the role admin in; upstream's name for this project.")
    ] = "service"
    project_domain: Annotated[str, Meta(description="The name of the domain of that project.")] = "Default"
    region: Annotated[
        str, Meta(description="The one region of the catalog: children are zones of it, not regions.")
    ] = "fractus"
    ca_file: Annotated[
        str,
        Meta(
            description="Certificates (PEM) to trust when `url` is https. Empty: those of the operating system."
        ),
    ] = ""
    password_hash_rounds: Annotated[
        int,
        Meta(
            ge=8,
            le=16,
            description="bcrypt cost of passwords in the embedded Keystone, as a power of two. 10 is the least "
            "that OWASP advises and costs 60 ms a login; Keystone's own 12 costs 250 ms, which every "
            "`openstack` command would pay.",
        ),
    ] = 10

    def __repr__(self) -> str:
        """Without the password: a repr ends up in logs."""
        return f"Keystone(mode={self.mode!r}, url={self.url!r}, username={self.username!r})"


class Store(Struct, frozen=True, kw_only=True):
    """Where fractus keeps what it knows."""

    url: Annotated[
        str,
        Meta(
            description="The database. sqlite:///<absolute path>, for one node ({state} is the state directory); for "
            "several nodes mysql://user:password@host:port/database (MariaDB 10.6 or later; a Galera cluster "
            "behind an address that leads to one writer at a time) or postgresql://user:password@host:port/database "
            "(13 or later). With ?ca=<file> the connection is encrypted and the server's certificate checked."
        ),
    ] = "sqlite:///{state}/fractus.db"
    connections: Annotated[
        int,
        Meta(
            ge=1,
            description="Connections of each process to a database server for transactions, and as many again for "
            "reads; made when needed. Ten keep a server busy; count them against its own limit.",
        ),
    ] = 10
    timeout: Annotated[
        float,
        Meta(
            ge=1,
            description="Seconds that one statement on a database server may take before the connection is given up: "
            "how long a frozen server goes unnoticed. Half of it is waited for a lock.",
        ),
    ] = 10.0

    migrate: Annotated[
        Literal["auto", "yes", "no"],
        Meta(
            description="Whether a process that starts brings a database that is behind to its version's schema. auto: "
            "a file yes, a server no: on several nodes `fractus upgrade` does it once, before the first new process "
            "starts. An empty database is always filled."
        ),
    ] = "auto"

    def __repr__(self) -> str:
        """Without the password that the URL may hold: a repr ends up in logs."""
        return f"Store(connections={self.connections!r}, timeout={self.timeout!r})"


class Work(Struct, frozen=True, kw_only=True):
    """The worker: how hard it works on each child, and how often it looks."""

    concurrency_per_cloud: Annotated[
        int,
        Meta(
            ge=1,
            description="Calls under way to one child at a time. Eight keep a small child busy and leave its "
            "API room for its own users; each child has its own eight, so a slow one holds up no other.",
        ),
    ] = 8
    sweep_interval: Annotated[
        float,
        Meta(
            gt=0,
            description="Seconds between two looks at what changed in a child: how late an unannounced change "
            "is seen.",
        ),
    ] = 5.0
    full_sweep_interval: Annotated[
        float,
        Meta(
            gt=0,
            description="Seconds between two inventories of a whole child: the backstop for changes that its "
            "list of changes did not show. Costly on a large child, hence every ten minutes.",
        ),
    ] = 600.0
    stale_after: Annotated[
        float,
        Meta(
            gt=0,
            description="Seconds without an answer after which what we show of a child says that it is stale. "
            "Six sweeps: one or two lost answers are no news.",
        ),
    ] = 30.0
    drain_within: Annotated[
        float,
        Meta(
            ge=0,
            description="Seconds that a worker which is asked to stop has to finish what is under way; then it gives "
            "the rest back. A call to a child takes a few, an image of many GiB may begin again elsewhere.",
        ),
    ] = 8.0
    keep_unneeded: Annotated[
        float,
        Meta(
            ge=0,
            description="Seconds that a project's default security group stays in a cloud after the last that needs it "
            "there has left: the next server of the project starts sooner. 0: it leaves at once.",
        ),
    ] = 300.0
    keep_deleted_days: Annotated[
        float,
        Meta(
            ge=0,
            description="Days after which the worker drops the row of what was deleted and that nothing points to "
            "any more; until then an admin can list it. 0: never.",
        ),
    ] = 90.0
    metrics_port: Annotated[
        int,
        Meta(
            ge=0,
            le=65535,
            description="Where the worker serves its own /metrics, on api.host; the API serves its under its own "
            "port. 0: not at all.",
        ),
    ] = 8782


class Scheduling(Struct, frozen=True, kw_only=True):
    """How a cloud is chosen for what its user names no zone for."""

    network_affinity: Annotated[
        Literal["prefer", "require", "off"],
        Meta(
            description="Whether a server goes to the cloud where others of its networks are: clouds have no path "
            "between them, so servers of one network in two clouds do not reach each other. prefer: that cloud "
            "first, another where it has no room or is away. require: no other. off: by load alone, which spreads "
            "the servers of a network over all clouds. A zone that the user names is stronger."
        ),
    ] = "prefer"


class Network(Struct, frozen=True, kw_only=True):
    """What all networks have in common."""

    dns_domain: Annotated[
        str,
        Meta(
            description="The domain that ports are shown in (`dns_assignment`), as `dns_domain` of Neutron. With "
            "Neutron's default ports have no names of their own (`dns_name`), as in Neutron; with another one servers' "
            "ports are named after their servers, in each cloud in the domain of its own Neutron. Ports that are there "
            "keep the domain in which they were named."
        ),
    ] = "openstacklocal"


class Wake(Struct, frozen=True, kw_only=True):
    """How the processes of several nodes wake each other, and who of them runs which child's queue."""

    url: Annotated[
        str,
        Meta(
            description="RabbitMQ, amqp://user:password@host:port/vhost; several brokers of one cluster are separated "
            "by blanks or commas. Empty: wake-ups stay on this node, and workers elsewhere look by themselves, "
            "every second. Nothing depends on a broker but speed: with all of them dead the work goes on."
        ),
    ] = ""
    heartbeat: Annotated[
        float,
        Meta(
            ge=1,
            description="Seconds that a broker and we may hear nothing of each other: a worker that hangs loses its "
            "queues within two of them. One that is killed loses them at once.",
        ),
    ] = 5.0

    def __repr__(self) -> str:
        """Without the password: a repr ends up in logs."""
        return f"Wake(heartbeat={self.heartbeat!r})"


class Auth(Struct, frozen=True, kw_only=True):
    """Tokens of users, and the credentials of children."""

    token_cache_ttl: Annotated[
        float,
        Meta(
            ge=0,
            description="Seconds that a checked token is believed without asking Keystone again: also the "
            "longest that a revoked token still works. Keystone middleware's own default is 300.",
        ),
    ] = 10.0
    token_deadline: Annotated[
        float,
        Meta(
            gt=0,
            description="Seconds that Keystone has to answer about a token not seen before, all tries and the wait for "
            "a connection together; then the request is answered 503. A client waits 60 seconds, as do most proxies.",
        ),
    ] = 30.0
    unknown_per_address: Annotated[
        int,
        Meta(
            ge=1,
            le=16,
            description="Questions to Keystone about tokens not seen before that one address (of IPv6: one /64) may "
            "have under way, of 16 in all: a flood of tokens that nobody issued delays its own sender. "
            "See api.trust_forwarded.",
        ),
    ] = 8
    key_file: Annotated[
        str,
        Meta(
            description="The key that seals the credentials of children in the store. Made on first use with "
            "mode 0600; without it those credentials are lost. {state} is the state directory."
        ),
    ] = "{state}/vault.key"
    memcached: Annotated[
        list[str],
        Meta(
            description="memcached servers (host:port), the same list on all nodes: a token that one API process has "
            "checked is known to the others. Sealed, so nothing can be forged there. Empty: each asks by itself."
        ),
    ] = []


class Holds(Struct, frozen=True, kw_only=True):
    """How much may be changed at once without being asked twice."""

    at_most: Annotated[
        int,
        Meta(
            ge=1,
            description="How many things one operator's command may change; above it the command stops before the "
            "first and says how many there are. --at-most N of the command is stronger.",
        ),
    ] = 100
    automatic_percent: Annotated[
        float,
        Meta(
            gt=0,
            le=100,
            description="The share of what a cloud holds, in percent, that fractus changes there by itself (moves "
            "away from it, makes anew, repairs by rule) within `automatic_window`. Beyond it, it stops and says so.",
        ),
    ] = 10.0
    automatic_least: Annotated[
        int,
        Meta(
            ge=0, description="So many are always allowed: ten percent of a cloud that holds five is nothing."
        ),
    ] = 50
    automatic_window: Annotated[float, Meta(gt=0, description="Seconds that the share is counted over.")] = (
        600.0
    )


class Images(Struct, frozen=True, kw_only=True):
    """The bits of images."""

    directory: Annotated[
        str, Meta(description="Where uploaded image data is kept. {state} is the state directory.")
    ] = "{state}/images"
    reserve_percent: Annotated[
        float,
        Meta(
            ge=0,
            lt=100,
            description="The share of the file system of `directory`, in percent, that uploads leave free: database "
            "and logs lie there too, unless you put them elsewhere.",
        ),
    ] = 5.0
    reserve_least: Annotated[
        int,
        Meta(ge=0, description="MiB that they leave free in any case: 5 % of a small disk is nothing."),
    ] = 512
    download_hosts: Annotated[
        list[str],
        Meta(
            description="Hosts from which images may be imported (`web-download`): names; `*.example.org`: all below "
            "a domain, `*` for all. Empty: that method is not offered."
        ),
    ] = []
    download_ports: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=65535)], ...],
        Meta(description="The ports of them that may be used."),
    ] = (80, 443)
    download_networks: Annotated[
        list[str],
        Meta(
            description="Networks (`10.1.2.0/24`) whose addresses may be connected to though they are not public. All "
            "others that are not are refused, also after redirects and whatever a name resolves to."
        ),
    ] = []


Limit = Annotated[int, Meta(ge=-1)]


class Quota(Struct, frozen=True, kw_only=True):
    """What a project may have that no limit was set for. -1: unlimited; the numbers are Nova's and Neutron's."""

    source: Annotated[
        Literal["fractus", "keystone"],
        Meta(
            description="Where limits are kept. fractus: here, set through the quota APIs. keystone: its unified "
            "limits (`openstack limit create`), by the names that Nova, Neutron and Glance give them, in the flat or "
            "the strict two-level model; our user needs the role reader on the system."
        ),
    ] = "fractus"
    refresh: Annotated[
        float,
        Meta(
            gt=0, description="Seconds between two looks at Keystone's limits: how late a changed one holds."
        ),
    ] = 10.0
    unlimited: Annotated[
        bool,
        Meta(
            description="Every default below is -1, but for those of single servers: projects are limited only where "
            "somebody set a limit for them or for all of them (`openstack quota set`)."
        ),
    ] = False
    instances: Annotated[
        Limit, Meta(description="Servers of a project, also those that are being deleted.")
    ] = 10
    cores: Annotated[Limit, Meta(description="VCPUs of all servers of a project.")] = 20
    ram: Annotated[Limit, Meta(description="Memory of all servers of a project, in MiB.")] = 51200
    key_pairs: Annotated[Limit, Meta(description="Keys of a user, in whatever project.")] = 100
    metadata_items: Annotated[
        Limit,
        Meta(
            description="Items of metadata of a server. A cloud that allows no more than Nova's default holds our mark "
            "in a tag alone then; one without tags for new servers (Nova before Pike) refuses the 128th."
        ),
    ] = 128
    injected_files: Annotated[Limit, Meta(description="Files put into a new server (up to 2.56).")] = 5
    injected_file_content_bytes: Annotated[Limit, Meta(description="Bytes that each of them may have.")] = (
        10240
    )
    injected_file_path_bytes: Annotated[Limit, Meta(description="Bytes that the path of each may have.")] = (
        255
    )
    server_groups: Annotated[Limit, Meta(description="Server groups of a project.")] = 10
    server_group_members: Annotated[Limit, Meta(description="Servers in a server group.")] = 10
    network: Annotated[
        Limit, Meta(description="Networks of a project; those shared with it are another's.")
    ] = 100
    subnet: Annotated[
        Limit, Meta(description="Subnets of a project, those on others' networks among them.")
    ] = 100
    subnetpool: Annotated[
        Limit, Meta(description="Subnet pools of a project. Unlimited, as in Neutron.")
    ] = -1
    port: Annotated[Limit, Meta(description="Ports of a project, those of its servers among them.")] = 500
    security_group: Annotated[
        Limit, Meta(description="Security groups of a project; its default group is one of them.")
    ] = 10
    security_group_rule: Annotated[Limit, Meta(description="Rules of all security groups of a project.")] = (
        100
    )
    floatingip: Annotated[Limit, Meta(description="Floating IPs of a project.")] = 50
    rbac_policy: Annotated[
        Limit, Meta(description="RBAC policies of a project: what it shares with others by name.")
    ] = 10
    router: Annotated[Limit, Meta(description="Routers of a project.")] = 10
    trunk: Annotated[Limit, Meta(description="Trunks of a project. Unlimited, as in Neutron.")] = -1
    image_count_total: Annotated[
        Limit, Meta(description="Images of a project. Unlimited, as in a Glance without unified limits.")
    ] = -1
    image_size_total: Annotated[
        Limit,
        Meta(
            description="Bits of all images of a project, in MiB. Glance's own default is no limit; here one project "
            "would take the disk of all. 50 GiB are some dozens of images as distributions make them."
        ),
    ] = 51200
    image_stage_total: Annotated[
        Limit, Meta(description="Bits that are staged and not imported yet, in MiB: on the same disk.")
    ] = 51200
    image_count_uploading: Annotated[
        Limit, Meta(description="Images of a project whose bits are on their way.")
    ] = -1

    volumes: Annotated[Limit, Meta(description="Volumes of a project, of all types.")] = 10
    gigabytes: Annotated[
        Limit, Meta(description="Size of all volumes and snapshots of a project, in GiB.")
    ] = 1000
    per_volume_gigabytes: Annotated[Limit, Meta(description="Size of one volume, in GiB.")] = -1
    snapshots: Annotated[Limit, Meta(description="Snapshots of a project, of volumes of all types.")] = 10
    backups: Annotated[
        Limit, Meta(description="Backups of a project: shown, for clients expect it; none are served.")
    ] = 10
    backup_gigabytes: Annotated[Limit, Meta(description="Size of all backups of a project: likewise.")] = 1000
    groups: Annotated[Limit, Meta(description="Groups of volumes of a project: likewise.")] = 10

    def given(self) -> dict[str, int]:
        """The default limits by the name of the quota."""
        every = {one.name: getattr(self, one.name) for one in fields(self)}
        limits = {name: value for name, value in every.items() if type(value) is int}
        if self.unlimited:
            limits.update((name, -1) for name in limits if not name.startswith(_OF_ONE))
        return limits


#: Limits of a single server, not of what a project has.
_OF_ONE = ("metadata_items", "injected_file")


SECTIONS: dict[str, type[Struct]] = {
    "api": Api,
    "log": Log,
    "keystone": Keystone,
    "store": Store,
    "work": Work,
    "scheduling": Scheduling,
    "network": Network,
    "wake": Wake,
    "auth": Auth,
    "images": Images,
    "holds": Holds,
    "quota": Quota,
}

#: Sections by the names that they had before: operators' files and units may still say them.
FORMER_NAMES = {"brakes": "holds"}

#: The same of fields: present name of the section -> former name of the field -> present one.
FORMER_FIELDS: Mapping[str, Mapping[str, str]] = {
    "holds": {
        "unasked_percent": "automatic_percent",
        "unasked_least": "automatic_least",
        "unasked_window": "automatic_window",
    }
}
