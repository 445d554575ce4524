"""Tables of the machine itself. Tables of kinds stand in `services/<service>/<kind>/` and use `resource_table`.

Stamps are `Double`: a `Float` has four bytes in MariaDB, and would be off by minutes.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, Column, Double, Index, Integer, LargeBinary, MetaData, String, Table, Text

METADATA = MetaData()


def resource_table(kind: str, *columns: Any, crowded: bool = False, metadata: MetaData = METADATA) -> Table:
    """A table for one kind: what every resource has, and the kind's own columns that users filter and sort on.

    `desired` is what the user asked for (JSON); `summary` is the newest-microversion document, ready to send; `choice`
    says which clouds were chosen and why (JSON). `deleted_at` hides the row from users; the row stays as a tombstone
    until every cloud has confirmed (law 5). `home` is the cloud in which the data of an assigned resource is; it comes
    last, for it is younger than most tables. Sort columns had better not be NULL: paging over one that may be
    uses no index. `crowded`: there may be a million of it; lists choose an index for each page (`store.ranges`).
    """
    return Table(
        kind,
        metadata,
        Column("id", String(255), primary_key=True),
        Column("project_id", String(64), nullable=False, default=""),
        Column("user_id", String(64), nullable=False, default=""),
        Column("name", String(255), nullable=False, default=""),
        Column("status", String(32), nullable=False, default=""),
        Column("desired", Text, nullable=False),
        Column("summary", LargeBinary, nullable=False),
        Column("extra", LargeBinary, nullable=True),
        Column("choice", Text, nullable=False, default="{}"),
        Column("generation", Integer, nullable=False, default=1),
        Column("wanted", Boolean, nullable=False, default=True),
        Column("request_id", String(64), nullable=False, default=""),
        Column("created_at", Double, nullable=False),
        Column("updated_at", Double, nullable=False),
        Column("deleted_at", Double, nullable=True),
        *columns,
        Column("home", String(64), nullable=True),
        Index(f"{kind}_by_project", "project_id", "created_at", "id"),
        Index(f"{kind}_by_creation", "created_at", "id"),
        Index(f"{kind}_by_change", "updated_at"),
        info={"crowded": crowded},
    )


def mirror_table(kind: str, *columns: Any) -> Table:
    """A table of things of the clouds that are not resources: what all have, and columns to filter and sort by.

    `id` is what users know one by: the cloud's own, unless another cloud has the same (`ZONE@id`). `summary` is the
    document, ready to send; `observed_at` when it was last seen to have changed. Rows are written by sweeps alone.
    """
    return Table(
        f"mirror_{kind}",
        METADATA,
        Column("cloud", String(64), primary_key=True),
        Column("remote_id", String(255), primary_key=True),
        Column("id", String(320), nullable=False),
        Column("summary", LargeBinary, nullable=False),
        Column("observed_at", Double, nullable=False),
        *columns,
        Index(f"mirror_{kind}_by_id", "id"),
        Index(f"mirror_{kind}_by_remote", "remote_id"),
        info={"mirror": True, "crowded": False},
    )


CLOUD = Table(
    "cloud",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("driver", String(32), nullable=False),
    Column("enabled", Boolean, nullable=False, default=True),
    Column("identity", String(16), nullable=False, default="own"),
    Column("settings", Text, nullable=False, default="{}"),
    Column("secret", LargeBinary, nullable=False),
    Column("version", Integer, nullable=False, default=1),
    Column("created_at", Double, nullable=False),
    Column("seen_at", Double, nullable=True),
    Column("error", Text, nullable=False, default=""),
    Column("cursors", Text, nullable=False, default="{}"),
    Column("state", String(16), nullable=False, default="open", server_default="open"),
    Column("state_reason", Text, nullable=True),
    Column("state_by", String(255), nullable=True),
    Column("state_at", Double, nullable=True),
    Column("unswept", Boolean, nullable=True),
    Column("identity_seen", Text, nullable=True),
)

#: One row: which fractus this is.
INSTALLATION = Table(
    "installation",
    METADATA,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("id", String(64), nullable=False),
    Column("created_at", Double, nullable=False),
)

HOLD = Table(
    "brake",
    METADATA,
    Column("name", String(255), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("pulled_by", String(255), nullable=False, default=""),
    Column("pulled_at", Double, nullable=False),
)

AUTOMATIC_CHANGE = Table(
    "unasked",
    METADATA,
    Column("cloud", String(64), primary_key=True),
    Column("kind", String(32), primary_key=True),
    Column("id", String(255), primary_key=True),
    Column("at", Double, nullable=False),
    Column("what", String(64), nullable=False, default=""),
    Index("unasked_by_time", "cloud", "at"),
)

PRESENCE = Table(
    "presence",
    METADATA,
    Column("kind", String(32), primary_key=True),
    Column("id", String(255), primary_key=True),
    Column("cloud", String(64), primary_key=True),
    Column("wanted", Boolean, nullable=False, default=True),
    Column("state", String(16), nullable=False, default="pending"),
    Column("generation", Integer, nullable=False, default=0),
    Column("remote_id", String(255), nullable=True),
    Column("creating_since", Double, nullable=True),
    Column("observed", Text, nullable=True),
    Column("observed_at", Double, nullable=True),
    Column("memory", Text, nullable=False, default="{}"),
    Column("error", Text, nullable=False, default=""),
    Column("created_at", Double, nullable=False),
    Column("role", String(16), nullable=True),
    Index("presence_by_remote", "cloud", "kind", "remote_id"),
    Index("presence_by_cloud", "cloud", "kind", "id"),
    Index("presence_by_kind", "kind", "wanted", "cloud"),
    Index("presence_by_state", "cloud", "state", "kind"),
)

NEED = Table(
    "need",
    METADATA,
    Column("kind", String(32), primary_key=True),
    Column("id", String(255), primary_key=True),
    Column("need_kind", String(32), primary_key=True),
    Column("need_id", String(255), primary_key=True),
    Column("exclusive", Boolean, nullable=False, default=False),
    # `mode` is written where `loose` does not say it all; `generation`, of what came after the resource itself.
    Column("loose", Boolean, nullable=False, default=False),
    Column("mode", String(16), nullable=True),
    Column("generation", Integer, nullable=True),
    Index("need_by_target", "need_kind", "need_id"),
)

#: What users asked of resources that is more than their desired state: open ones, and the history of all.
ACTION = Table(
    "action",
    METADATA,
    Column("kind", String(32), primary_key=True),
    Column("id", String(255), primary_key=True),
    Column("token", Integer, primary_key=True, autoincrement=False),
    Column("verb", String(64), nullable=False),
    Column("args", Text, nullable=False, default="{}"),
    Column("state", String(16), nullable=False),
    Column("step", Integer, nullable=False, default=0),
    Column("due_at", Double, nullable=True),
    Column("error", Text, nullable=False, default=""),
    Column("events", Text, nullable=False, default="[]"),
    Column("request_id", String(64), nullable=False, default=""),
    Column("user_id", String(64), nullable=False, default=""),
    Column("project_id", String(64), nullable=False, default=""),
    Column("at", Double, nullable=False),
    Column("finished_at", Double, nullable=True),
    # One that is finished has no due time: so these are the open ones.
    Index("action_by_due", "due_at"),
    Index("action_by_resource", "kind", "id", "due_at"),
)

WORK = Table(
    "work",
    METADATA,
    Column("kind", String(32), primary_key=True),
    Column("id", String(255), primary_key=True),
    Column("cloud", String(64), primary_key=True),
    Column("due_at", Double, nullable=False),
    Column("wakes", Integer, nullable=False, default=0),
    Column("attempts", Integer, nullable=False, default=0),
    Column("fence", String(36), nullable=False, default=""),
    Column("claimed_by", String(128), nullable=False, default=""),
    Column("claimed_until", Double, nullable=False, default=0.0),
    Column("waits_on", String(300), nullable=False, default=""),
    Column("reason", Text, nullable=False, default=""),
    Column("request_id", String(64), nullable=False, default=""),
    Index("work_by_due", "cloud", "due_at"),
    Index("work_by_wait", "waits_on"),
)

#: What of the schema old versions used and is gone: code that does not know these revisions must not run on it.
CONTRACTED = Table(
    "contracted",
    METADATA,
    Column("revision", String(32), primary_key=True),
    Column("version", String(32), nullable=False),
    Column("done_at", Double, nullable=False),
)

LANE = Table(
    "lane",
    METADATA,
    Column("cloud", String(64), primary_key=True),
    Column("holder", String(128), nullable=False, default=""),
    Column("told", Boolean, nullable=False, default=False),
    Column("since", Double, nullable=False, default=0.0),
    Column("until", Double, nullable=False, default=0.0),
)

WORKER = Table(
    "worker",
    METADATA,
    Column("name", String(128), primary_key=True),
    Column("version", String(32), nullable=False, default=""),
    Column("since", Double, nullable=False),
    Column("until", Double, nullable=False),
)

FINDING = Table(
    "finding",
    METADATA,
    Column("cloud", String(64), primary_key=True),
    Column("kind", String(32), primary_key=True),
    Column("remote_id", String(255), primary_key=True),
    Column("what", String(32), nullable=False),
    Column("detail", Text, nullable=False, default=""),
    Column("seen_at", Double, nullable=False),
    Column("id", String(16), nullable=False, default="", server_default=""),
    Column("first_seen_at", Double, nullable=False, default=0.0, server_default="0"),
    Column("resource_id", String(255), nullable=False, default="", server_default=""),
    Column("project_id", String(64), nullable=False, default="", server_default=""),
    Column("state", String(16), nullable=False, default="open", server_default="open"),
    Column("differences", Text, nullable=True),
    Index("finding_by_id", "id"),
    Index("finding_by_state", "cloud", "state", "what", "kind"),
    Index("finding_by_project", "project_id"),
    Index("finding_by_kind", "kind", "what"),
)

DRIFT_RULE = Table(
    "drift_rule",
    METADATA,
    Column("id", String(16), primary_key=True),
    Column("what", String(32), nullable=False),
    Column("cloud", String(64), nullable=False, default=""),
    Column("kind", String(32), nullable=False, default=""),
    Column("field", String(64), nullable=False, default=""),
    Column("verb", String(16), nullable=False),
    Column("created_at", Double, nullable=False),
)
