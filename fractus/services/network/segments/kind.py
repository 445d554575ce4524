"""Segments of the clouds' networks, declared (neutron_lib.api.definitions.segment).

A network is of different segments in each of its clouds, and those of all are shown: of networks that are ours.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from fractus.model.mirror import Mirrored
from fractus.services.field import Field, Match, named, number, text
from fractus.services.mirror import MirrorKind, mirror_table_of
from fractus.services.network.dialect.schema import values

_name = values.name()


def _name_or_none(value: Any) -> str | None:
    return None if value is None else _name(value)


FIELDS = named([
    Field("id", match=Match("id"), sort="id"),
    Field(
        "network_id", post=True, check=values.uuid, match=Match("network_id"), sort="network_id",
        column=text("network_id", 36),
    ),
    Field(
        "name", post=True, put=True, default=UNSET, check=_name_or_none, match=Match("name"), sort="name",
        column=text("name", 255),
    ),
    Field(
        "description", post=True, put=True, default="", check=values.string(255), match=Match("description"),
        sort="description", column=text("description", 255),
    ),
    Field(
        "physical_network", post=True, default=UNSET, check=values.string(64), match=Match("physical_network"),
        sort="physical_network", column=text("physical_network", 64),
    ),
    Field(
        "network_type", post=True, check=values.string(32), match=Match("network_type"), sort="network_type",
        column=text("network_type", 32),
    ),
    Field(
        "segmentation_id", post=True, default=UNSET, convert=values.to_int, sort="segmentation_id",
        column=number("segmentation_id"),
    ),
    Field("created_at"),
    Field("updated_at"),
    Field("revision_number"),
])  # fmt: skip

MIRROR = MirrorKind(
    mirrored=Mirrored(
        kind="segment",
        service="network",
        path="/segments",
        collection="segments",
        query={"sort_key": "id", "sort_dir": "asc"},
        extension="segment",
    ),
    collection="segments",
    noun="segment",
    fields=FIELDS,
    table=mirror_table_of("segment", FIELDS),
    uuids=True,
    refers={"network_id": "network"},
)
