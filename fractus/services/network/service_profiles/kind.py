"""Service profiles, declared (neutron_lib.api.definitions.flavors). They are here alone, and belong to no project."""

from __future__ import annotations

from msgspec import structs

from fractus.auth.base_rules import NEUTRON_ADMIN
from fractus.model.carried import OURS
from fractus.services.field import Field, Match, flag, named, text
from fractus.services.kind import Kind, table_of
from fractus.services.network.dialect import kind as neutron
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.attributes import read_only
from fractus.store.listing import Filter

_WHY = "no cloud has one"

DESCRIPTION = Field(
    "description", post=True, put=True, default="", check=values.string_or_none(values.LONG_DESCRIPTION_SIZE),
    match=Match("description"), sort="description", column=text("description", values.LONG_DESCRIPTION_SIZE),
    carried=OURS, why=_WHY,
)  # fmt: skip

ENABLED = Field(
    "enabled", post=True, put=True, default=True, convert=values.to_boolean_or_true,
    match=Match("enabled", values.to_boolean), sort="enabled", column=flag("enabled", default=True),
    carried=OURS, why=_WHY,
)  # fmt: skip

FIELDS = named([
    read_only("id", "id"),
    DESCRIPTION,
    Field(
        "driver", post=True, put=True, default="", check=values.string(values.LONG_DESCRIPTION_SIZE),
        match=Match("driver"), sort="driver", column=text("driver", values.LONG_DESCRIPTION_SIZE),
        carried=OURS, why=_WHY,
    ),
    structs.replace(DESCRIPTION, name="metainfo", check=values.string_or_none(4096), match=None,
                    sort="metainfo", column=text("metainfo", 4096)),
    ENABLED,
])  # fmt: skip

KIND = Kind(
    name="service_profile",
    service="network",
    collection="service_profiles",
    path="service_profiles",
    fields=FIELDS,
    table=table_of("service_profile", FIELDS),
    summarise=neutron.Documents(FIELDS, owned=False),
    scope=lambda _project_id: [Filter("id", "null")],
    target=neutron.target,
    rules=neutron.rules("service_profile", FIELDS, write=NEUTRON_ADMIN, read=NEUTRON_ADMIN),
)
