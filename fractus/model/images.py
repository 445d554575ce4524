"""Images, as machine and drivers speak of them."""

from __future__ import annotations

from fractus.model.cloud import Seen, Wanted


class ImageWanted(Wanted, frozen=True, kw_only=True):
    """An image to carry to a child: its record, and where its bits lie here."""

    disk_format: str
    container_format: str
    min_disk: int = 0
    min_ram: int = 0
    private: bool = True
    """Only the owner's project there may see it; else it is usable by all projects of the child that know its id."""
    properties: dict[str, str] = {}
    path: str = ""
    """File of the bits on this node."""
    size: int = 0
    checksum: str = ""
    """MD5 of the bits, as Glance reports it."""


class ImageSeen(Seen, frozen=True, kw_only=True):
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
    protected: bool = False
    os_hidden: bool = False
    properties: dict[str, str] = {}
    """Without our marker."""
    members: dict[str, str] = {}
    """Status by the child's id of a project that it is shared with; told by `inventory` only."""


# Verbs: upload {"path", "size"} (the bits, streamed).
