"""Ranges of numbers of the clouds' segments, declared (neutron_lib.api.definitions.network_segment_range).

Projects stand in one by the ids that its cloud knows them by.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from fractus.model.mirror import Mirrored
from fractus.services.field import Field, Match, named, text
from fractus.services.mirror import MirrorKind, mirror_table_of
from fractus.services.network.dialect.schema import values

_TYPES = ("vlan", "vxlan", "gre", "geneve")
_LARGEST = (1 << 32) - 1


def _end(name: str) -> Field:
    return Field(name, post=True, put=True, convert=values.to_number, check=values.within(1, _LARGEST))


def _is_private(value: Any) -> bool:
    return value is False


FIELDS = named([
    Field("id", match=Match("id"), sort="id"),
    Field(
        "name", post=True, put=True, default="", check=values.name(), match=Match("name"), sort="name",
        column=text("name", 255),
    ),
    Field("default"),
    Field(
        "shared", post=True, default=UNSET, convert=values.to_boolean, foreign=_is_private,
        why="a range for one project is its cloud's to give",
    ),
    Field("project_id", match=Match("project_id"), sort="project_id", column=text("project_id", 64)),
    Field(
        "network_type", post=True, default=UNSET, check=values.one_of(_TYPES), match=Match("network_type"),
        column=text("network_type", 32),
    ),
    Field(
        "physical_network", post=True, default=UNSET, check=values.string(64), match=Match("physical_network"),
        column=text("physical_network", 64),
    ),
    _end("minimum"),
    _end("maximum"),
    Field("used"),
    Field("available"),
    Field("description", post=True, put=True, default="", check=values.string(255)),
    Field("created_at"),
    Field("updated_at"),
    Field("revision_number"),
])  # fmt: skip

MIRROR = MirrorKind(
    mirrored=Mirrored(
        kind="network_segment_range",
        service="network",
        path="/network_segment_ranges",
        collection="network_segment_ranges",
        query={"sort_key": "id", "sort_dir": "asc"},
        extension="network-segment-range",
    ),
    collection="network_segment_ranges",
    noun="network_segment_range",
    fields=FIELDS,
    table=mirror_table_of("network_segment_range", FIELDS),
    uuids=True,
    every=300.0,
)
