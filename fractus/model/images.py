"""Images, as machine and drivers speak of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from fractus.model.cloud import Observed, Wanted

#: Names that Glance's schema keeps for itself, and those of our marker: no property of an image can have them.
_RESERVED = frozenset(
    (
        "id name status visibility protected checksum created_at updated_at tags size virtual_size owner owner_id"
        " disk_format container_format min_ram min_disk self file schema direct_url locations stores os_hash_algo"
        " os_hash_value os_hidden fractus_id fractus_notes fractus_by"
    ).split()
)

OPEN = frozenset(("public", "community"))
"""Visibilities that let everybody use an image who knows its id."""


#: What Nova adds to the name of a server for the image that it makes when the server is shelved.
SHELVED = "-shelved"


def may_carry(key: str) -> bool:
    """Whether Glance takes it as a property: not its own names, nor those that its import machinery writes."""
    return key not in _RESERVED and not key.startswith("os_glance")


class ImageWanted(Wanted, frozen=True, kw_only=True):
    """An image to carry to a child: its record, and where its bits lie here."""

    disk_format: str
    container_format: str
    min_disk: int = 0
    min_ram: int = 0
    private: bool = True
    """It lies in its owner's project there, and only that may use it until others are let in. Else it lies in the
    credential's own, and all projects of the child that know its id may use it.
    """
    properties: dict[str, str] = {}
    path: str = ""
    """File of the bits on this node."""
    size: int = 0
    checksum: str = ""
    """MD5 of the bits, as Glance reports it."""
    made_there: bool = False
    """Its cloud makes it itself, of a server or a volume, with our marker or under a name that says it: it is looked
    for in all projects there, and never created.
    """
    shelved: str = ""
    """Of one that its cloud makes when a server is shelved, the server's id there: Nova gives such an image no marker
    of ours, so it is known by its name and by the server that it names.
    """


class ImageObserved(Observed, frozen=True, kw_only=True):
    """An image in a child: Glance's own words for the state (queued, saving, active, killed, deleted ...)."""

    status: str
    size: int | None = None
    checksum: str | None = None
    virtual_size: int | None = None
    os_hash_algo: str | None = None
    os_hash_value: str | None = None
    disk_format: str = ""
    container_format: str = ""
    min_disk: int = 0
    min_ram: int = 0
    visibility: str = ""
    home: bool = False
    """It lies in the credential's own project."""
    protected: bool = False
    os_hidden: bool = False
    properties: dict[str, str] = {}
    """Without our marker."""
    members: dict[str, str] = {}
    """Status by the child's id of a project that it is shared with; sent by `inventory` only."""


def is_wanted(image: ImageObserved, wanted: ImageWanted) -> bool:
    """Whether an image that a cloud has made is the one: by our marker, or as that of a shelved server.

    Nova gives the latter every property of the image that the server was built of, our marker of that one with them.
    """
    if not wanted.shelved:
        return image.marker == wanted.id
    inherited = image.marker in ("", wanted.properties.get("base_image_ref", ""))
    of = image.properties.get("instance_uuid")
    return inherited and of == wanted.shelved and image.name.endswith(SHELVED)


class Source(Struct, frozen=True):
    """Of what an image is made: a server or a volume of ours, in which cloud, and whose it is."""

    kind: str
    id: str
    cloud: str
    project_id: str
    shelved: str = ""
    """The id there of a server that is shelved: the image ends when it is shelved no longer."""


class Asked(Struct, frozen=True, kw_only=True):
    """What is known of an image when it is asked for."""

    name: str
    project_id: str
    user_id: str
    request_id: str = ""
    visibility: str = "private"
    protected: bool = False
    properties: Mapping[str, str] = {}
    """Those that the user gave: the cloud is sent them too."""
    translated: Mapping[str, str] = {}
    """Those that the cloud writes in its own ids (`instance_uuid`, `base_image_ref`), as they are here."""
    disk_format: str | None = None
    container_format: str | None = None
    min_disk: int = 0
    min_ram: int = 0
    members: Sequence[str] = ()
    """Projects that it is shared with."""


# Verbs: upload {"path", "size"} (the bits, streamed); update {"name", "min_disk", "min_ram", "visibility",
# "properties" (those to add or change), "unset" (names of those to remove), "owner" (our id of a project, empty: the
# credential's own), "notes"}, of each what is to change, all in one call; admit, expel {"project_id"} (ours: a project
# that a `shared` image may be used by).
