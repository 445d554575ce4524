"""Our marker on things in a child: how a thing says that it is ours, and which of our resources it is.

It is looked for before a create is repeated (law 1), and nothing without it is ever changed or deleted (law 6). Each
kind carries it where its API can hold and, if possible, filter by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from fractus.base.ids import derived_id

#: Servers carry the marker in metadata, images in a property of this name.
KEY = "fractus_id"

#: Images carry what a rebuild must know in a property of this name.
NOTES = "fractus_notes"

#: Networks, subnets, ports and security groups carry `fractus:<id>` as description, servers as a tag.
TAG_PREFIX = "fractus:"

#: Flavors and keypairs carry it in their id and name, and images that Cinder makes until they have properties.
NAME_PREFIX = "fractus-"

#: Servers carry the id of their user as a tag.
USER_PREFIX = "fractus-user:"

#: Whose the marker is (`fractus.model.installation.origin`): a property of images, a note in descriptions, a tag of
#: servers, and in the ids of flavors and the names of keypairs what stands at the end of the marker. Markers of
#: earlier versions have none.
BY = "fractus_by"
BY_PREFIX = "fractus-by:"
_NOTE = "by"
_BY_AT_END = re.compile(r"-by-([0-9a-f]{12})\Z")

_LONGEST_TAG, _LONGEST_NAME = 60, 255

#: Nova's default quota of metadata items of a server.
_MOST_ITEMS = 128

#: A user's id and a key's name, as every release of Nova takes them in the name of a key.
_KEY_NOTES = re.compile(r"[A-Za-z0-9_-]+ [A-Za-z0-9_-]+(?: [A-Za-z0-9_-]+)*")

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

#: What both Nova's flavor ids and its key names allow in every release; both end at 255 characters.
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,200}")


def without(metadata: Mapping[str, str]) -> dict[str, str]:
    """A server's metadata as its user has it."""
    return {key: value for key, value in metadata.items() if key != KEY}


def has_room(metadata: Mapping[str, str]) -> bool:
    """Whether the marker can stand beside a user's metadata, where a cloud allows as many items as Nova does."""
    return len(metadata) < _MOST_ITEMS


def tag(resource_id: str) -> str:
    """The marker as a description or tag."""
    return TAG_PREFIX + resource_id


def noted(resource_id: str, notes: Mapping[str, Any], longest: int, by: str = "") -> str:
    """The marker as a description, with whose it is behind it, and notes where there is room for them."""
    whose = {_NOTE: by} if by else {}
    for more in ({**whose, **notes}, whose):
        text = f"{tag(resource_id)} {msgspec.json.encode(more).decode()}"
        if more and len(text) <= longest:
            return text
    return tag(resource_id)


class Described(Struct, frozen=True):
    """What a description says: our marker with whose it is and the notes behind it, or else its user's own `text`."""

    marker: str = ""
    by: str = ""
    notes: dict[str, Any] = {}
    text: str = ""


def described(text: str | None) -> Described:
    """A description, read once."""
    marker = from_tag(text)
    if not marker:
        return Described(text=text or "")
    notes = _notes((text or "").partition(" ")[2])
    by = notes.pop(_NOTE, "")
    return Described(marker, by if isinstance(by, str) else "", notes)


def notes_of(text: str | None) -> dict[str, Any]:
    """The notes behind the marker in a description, if any."""
    return described(text).notes


def by_note(text: str | None) -> str:
    """Whose the marker in a description is; empty where it does not say."""
    return described(text).by


def notes_in(text: str) -> dict[str, Any]:
    """The notes in a property."""
    return _notes(text)


def _notes(text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any]) if text else {}
    except msgspec.DecodeError:
        return {}


def from_tag(text: str | None) -> str:
    """Our id in a description or tag; empty where it is none of ours."""
    return text[len(TAG_PREFIX) :].partition(" ")[0] if text and text.startswith(TAG_PREFIX) else ""


def from_tags(tags: Iterable[str]) -> str:
    """Our id among a thing's tags; empty where none of them is ours."""
    return next((found for one in tags if (found := from_tag(one))), "")


def own(tags: Iterable[str]) -> list[str]:
    """The users' tags among all of a thing's."""
    return [one for one in tags if not one.startswith((TAG_PREFIX, USER_PREFIX, BY_PREFIX))]


def by_tag(by: str) -> list[str]:
    """Whose a marker is, as a tag; none where that is not known."""
    return [BY_PREFIX + by] if by else []


def by_tags(tags: Iterable[str]) -> str:
    """Whose the marker among a thing's tags is; empty where they do not say."""
    return next((one[len(BY_PREFIX) :] for one in tags if one.startswith(BY_PREFIX)), "")


def user_tag(notes: Mapping[str, Any]) -> list[str]:
    """The user of a server as a tag, which may have 60 characters."""
    text = f"{USER_PREFIX}{notes.get('user_id', '')}"
    return [text] if notes.get("user_id") and len(text) <= _LONGEST_TAG else []


def user_of(tags: Iterable[str]) -> dict[str, Any]:
    """The notes in the tags of a server."""
    users = [one[len(USER_PREFIX) :] for one in tags if one.startswith(USER_PREFIX)]
    return {"user_id": users[0]} if users else {}


def name(resource_id: str, by: str = "") -> str:
    """The marker as a flavor id or key name. Ids that Nova would not take stand as a name derived from them."""
    plain = resource_id if _PLAIN.fullmatch(resource_id) else derived_id("name", resource_id)
    return f"{NAME_PREFIX}{plain}-by-{by}" if by else NAME_PREFIX + plain


def from_name(text: str) -> str:
    """Our id in a flavor id or key name; empty where it is none of ours."""
    return (
        _BY_AT_END.sub("", text[len(NAME_PREFIX) :].partition(" ")[0]) if text.startswith(NAME_PREFIX) else ""
    )


def by_name(text: str) -> str:
    """Whose the marker in a flavor id or key name is; empty where it does not say."""
    found = _BY_AT_END.search(text.partition(" ")[0]) if from_name(text) else None
    return "" if found is None else found[1]


def image_properties(resource_id: str, by: str) -> dict[str, str]:
    """The marker as properties of an image: what Nova is sent when it makes one."""
    return {KEY: resource_id} | ({BY: by} if by else {})


def from_image_name(text: str) -> str:
    """Our id in the name of an image that Cinder makes, which takes no properties: a UUID, for users may name images as
    they like.
    """
    found = from_name(text)
    return found if _UUID.fullmatch(found) else ""


def key_name(resource_id: str, notes: Mapping[str, Any], by: str = "") -> str:
    """The marker as the name of a key, with its user and its name here behind it, where Nova takes that."""
    more = f"{notes.get('user_id', '')} {notes.get('name', '')}"
    text = f"{name(resource_id, by)} {more}"
    return text if _KEY_NOTES.fullmatch(more) and len(text) <= _LONGEST_NAME else name(resource_id, by)


def key_notes(text: str) -> dict[str, Any]:
    """The notes in the name of a key."""
    parts = text.split(" ", 2) if from_name(text) else []
    return {"user_id": parts[1], "name": parts[2]} if len(parts) == 3 else {}
