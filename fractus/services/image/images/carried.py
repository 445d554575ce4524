"""What becomes of changes of an image that is in a cloud."""

from __future__ import annotations

from fractus.model.carried import carried, ours, refused

_KEPT = "kept there for a rebuild"
_FORMAT = "it cannot change once the image has bits, and none is carried before"

FIELDS = (
    carried("name"),
    carried("min_disk"),
    carried("min_ram"),
    carried("properties", "but for names that Glance keeps for itself"),
    carried("visibility", "as `community` where everybody may use it, else `private` or `shared` by name"),
    carried("members", "those that use it in that cloud, whether they have accepted it or not"),
    carried("owner", "where it lies in its owner's project; else that project is let in by name"),
    refused("disk_format", _FORMAT),
    refused("container_format", _FORMAT),
    ours(
        "protected",
        f"deleting is refused here, and a copy that cannot be deleted would be left behind; {_KEPT}",
    ),
    ours("os_hidden", f"it is about lists, which are answered here; {_KEPT}"),
    ours("tags", f"lists are filtered by them here, and servers are not built by them; {_KEPT}"),
    ours("member status", f"it decides what lists show; a member may use the image in any case; {_KEPT}"),
    ours("status", "a deactivated image is refused here before a cloud is asked"),
)
