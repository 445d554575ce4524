"""Our marker on things in a child: how a thing says that it is ours, and which of our resources it is.

It is looked for before a create is repeated (law 1), and nothing without it is ever changed or deleted (law 6). Each
kind carries it where its API can hold and, if possible, filter by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from fractus.base.ids import derived_id

#: Servers carry the marker in metadata, images in a property of this name.
KEY = "fractus_id"

#: Networks, subnets, ports and security groups carry `fractus:<id>` as description, servers as a tag.
TAG_PREFIX = "fractus:"

#: Flavors and keypairs carry it in their id and name.
NAME_PREFIX = "fractus-"

#: What both Nova's flavor ids and its key names allow in every release; both end at 255 characters.
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,200}")


def tag(resource_id: str) -> str:
    """The marker as a description or tag."""
    return TAG_PREFIX + resource_id


def from_tag(text: str | None) -> str:
    """Our id in a description or tag; empty where it is none of ours."""
    return text[len(TAG_PREFIX) :] if text and text.startswith(TAG_PREFIX) else ""


def from_tags(tags: Iterable[str]) -> str:
    """Our id among a thing's tags; empty where none of them is ours."""
    return next((found for one in tags if (found := from_tag(one))), "")


def own(tags: Iterable[str]) -> list[str]:
    """The users' tags among all of a thing's."""
    return [one for one in tags if not from_tag(one)]


def name(resource_id: str) -> str:
    """The marker as a flavor id or key name. Ids that Nova would not take stand as a name derived from them."""
    plain = resource_id if _PLAIN.fullmatch(resource_id) else derived_id("name", resource_id)
    return NAME_PREFIX + plain


def from_name(text: str) -> str:
    """Our id in a flavor id or key name; empty where it is none of ours."""
    return text[len(NAME_PREFIX) :] if text.startswith(NAME_PREFIX) else ""
