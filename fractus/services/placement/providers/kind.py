"""Resource providers, resource classes and traits of the clouds, declared (placement.handlers).

Which providers, classes and traits there are is mirrored. What a provider has, and how much of it is in use, changes
with every server and is asked of its cloud.
"""

from __future__ import annotations

from fractus.model.mirror import Mirrored
from fractus.services.field import Field, named, text
from fractus.services.mirror import MirrorKind, mirror_table_of

_SIZE = 255

#: The latest microversion of Placement that says something of use.
_LATEST = "1.39"

PROVIDER_FIELDS = named([
    Field("uuid"),
    Field("name", column=text("name", _SIZE)),
    Field("generation"),
    Field("parent_provider_uuid"),
    Field("root_provider_uuid", column=text("root_provider_uuid", _SIZE)),
])  # fmt: skip

NAME_FIELDS = named([Field("name", column=text("name", _SIZE))])

#: Hosts come and go with the work of people, so they are listed as seldom as hypervisors.
PROVIDERS = MirrorKind(
    mirrored=Mirrored(
        kind="resource_provider", service="placement", path="/resource_providers",
        collection="resource_providers", latest=_LATEST, paged=False,
    ),
    collection="resource_providers",
    noun="resource_provider",
    fields=PROVIDER_FIELDS,
    table=mirror_table_of("resource_provider", PROVIDER_FIELDS),
    key=("uuid",),
    every=300.0,
    uuids=True,
)  # fmt: skip

#: Names that a release of OpenStack brings along, and some of the operators' own.
CLASSES = MirrorKind(
    mirrored=Mirrored(
        kind="resource_class", service="placement", path="/resource_classes", collection="resource_classes",
        latest=_LATEST, paged=False,
    ),
    collection="resource_classes",
    noun="resource_class",
    fields=NAME_FIELDS,
    table=mirror_table_of("resource_class", NAME_FIELDS),
    key=("name",),
    every=1800.0,
)  # fmt: skip

TRAITS = MirrorKind(
    mirrored=Mirrored(
        kind="trait", service="placement", path="/traits", collection="traits", latest=_LATEST, paged=False,
        texts="name",
    ),
    collection="traits",
    noun="trait",
    fields=NAME_FIELDS,
    table=mirror_table_of("trait", NAME_FIELDS),
    key=("name",),
    every=1800.0,
)  # fmt: skip
