"""The schemas of images, members and tasks, as Glance 33 publishes them."""

from __future__ import annotations

from typing import Any

#: As Glance publishes it, for clients to judge by; what ids are taken here, `images.schema` says.
_ID = "^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$"
_CONTAINERS = ["ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed"]
_DISKS = ["ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop"]
_STATUSES = [
    "queued",
    "saving",
    "active",
    "killed",
    "deleted",
    "uploading",
    "importing",
    "pending_delete",
    "deactivated",
]
_OPTIONAL_TEXT = ["null", "string"]
_OPTIONAL_NUMBER = ["null", "integer"]


def _read_only(kind: Any, description: str, **more: Any) -> dict[str, Any]:
    """A field that Glance tells and nobody sets."""
    return {"type": kind, "readOnly": True, "description": description, **more}


def _set(kind: Any, description: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "description": description, **more}


_LOCATION = {
    "type": "object",
    "properties": {
        "url": {"type": "string", "maxLength": 255},
        "metadata": {"type": "object"},
        "validation_data": {
            "description": "Digests that the bits at the location must have.",
            "type": "object",
            "writeOnly": True,
            "additionalProperties": False,
            "properties": {
                "checksum": {"type": "string", "minLength": 32, "maxLength": 32},
                "os_hash_algo": {"type": "string", "maxLength": 64},
                "os_hash_value": {"type": "string", "maxLength": 128},
            },
            "required": ["os_hash_algo", "os_hash_value"],
        },
    },
    "required": ["url", "metadata"],
}

IMAGE: dict[str, Any] = {
    "name": "image",
    "properties": {
        "id": _set("string", "An identifier for the image", pattern=_ID),
        "name": _set(_OPTIONAL_TEXT, "Descriptive name for the image", maxLength=255),
        "status": _read_only("string", "Status of the image", enum=_STATUSES),
        "visibility": _set(
            "string", "Scope of image accessibility", enum=["community", "public", "private", "shared"]
        ),
        "protected": _set("boolean", "If true, image will not be deletable."),
        "os_hidden": _set("boolean", "If true, image will not appear in default image list response."),
        "checksum": _read_only(_OPTIONAL_TEXT, "md5 hash of image contents.", maxLength=32),
        "os_hash_algo": _read_only(_OPTIONAL_TEXT, "Algorithm to calculate the os_hash_value", maxLength=64),
        "os_hash_value": _read_only(
            _OPTIONAL_TEXT, "Digest of the image contents by the os_hash_algo", maxLength=128
        ),
        "owner": _set(_OPTIONAL_TEXT, "Owner of the image", maxLength=255),
        "size": _read_only(_OPTIONAL_NUMBER, "Size of image file in bytes"),
        "virtual_size": _read_only(_OPTIONAL_NUMBER, "Virtual size of image in bytes"),
        "container_format": _set(_OPTIONAL_TEXT, "Format of the container", enum=[None, *_CONTAINERS]),
        "disk_format": _set(_OPTIONAL_TEXT, "Format of the disk", enum=[None, *_DISKS]),
        "created_at": _read_only("string", "Date and time of image registration"),
        "updated_at": _read_only("string", "Date and time of the last image modification"),
        "tags": _set(
            "array", "List of strings related to the image", items={"type": "string", "maxLength": 255}
        ),
        "direct_url": _read_only("string", "URL to access the image file kept in external store"),
        "min_ram": _set("integer", "Amount of ram (in MB) required to boot image."),
        "min_disk": _set("integer", "Amount of disk space (in GB) required to boot image."),
        "self": _read_only("string", "An image self url"),
        "file": _read_only("string", "An image file url"),
        "stores": _read_only("string", "Stores in which image data resides, where there are several."),
        "schema": _read_only("string", "An image schema url"),
        "locations": {
            "type": "array",
            "items": _LOCATION,
            "description": "A set of URLs to access the image file kept in external store",
        },
    },
    "additionalProperties": {"type": "string"},
    "links": [
        {"rel": "self", "href": "{self}"},
        {"rel": "enclosure", "href": "{file}"},
        {"rel": "describedby", "href": "{schema}"},
    ],
}

MEMBER: dict[str, Any] = {
    "name": "member",
    "properties": {
        "member_id": _set("string", "An identifier for the image member (tenantId)"),
        "image_id": _set("string", "An identifier for the image", pattern=_ID),
        "created_at": _set("string", "Date and time of image member creation"),
        "updated_at": _set("string", "Date and time of last modification of image member"),
        "status": _set("string", "The status of this image member", enum=["pending", "accepted", "rejected"]),
        "schema": {"readOnly": True, "type": "string"},
    },
}

IMAGES: dict[str, Any] = {
    "name": "images",
    "properties": {
        "images": {"type": "array", "items": IMAGE},
        "first": {"type": "string"},
        "next": {"type": "string"},
        "schema": {"type": "string"},
    },
    "links": [
        {"rel": "first", "href": "{first}"},
        {"rel": "next", "href": "{next}"},
        {"rel": "describedby", "href": "{schema}"},
    ],
}

MEMBERS: dict[str, Any] = {
    "name": "members",
    "properties": {"members": {"type": "array", "items": MEMBER}, "schema": {"type": "string"}},
    "links": [{"rel": "describedby", "href": "{schema}"}],
}

TASK: dict[str, Any] = {
    "name": "task",
    "properties": {
        "id": _set("string", "An identifier for the task", pattern=_ID),
        "type": _set(
            "string",
            "The type of task represented by this content",
            enum=["import", "api_image_import", "location_import"],
        ),
        "status": _set(
            "string",
            "The current status of this task",
            enum=["pending", "processing", "success", "failure"],
        ),
        "input": _set(["null", "object"], "The parameters required by task, JSON blob"),
        "result": _set(["null", "object"], "The result of current task, JSON blob"),
        "owner": _set("string", "An identifier for the owner of this task"),
        "message": _set("string", "What went wrong, where something did"),
        "image_id": _set("string", "Image associated with the task"),
        "request_id": _set("string", "The id of the request that made the task"),
        "user_id": _set("string", "User associated with the task"),
        "expires_at": _set(["null", "string"], "When the task will be removed"),
        "created_at": _set("string", "When the task was created"),
        "updated_at": _set("string", "When the task was updated"),
        "self": {"readOnly": True, "type": "string"},
        "schema": {"readOnly": True, "type": "string"},
    },
}

_BRIEF = {
    **TASK,
    "properties": {
        name: one for name, one in TASK["properties"].items() if name not in ("input", "result", "message")
    },
}

TASKS: dict[str, Any] = {
    "name": "tasks",
    "properties": {
        "tasks": {"type": "array", "items": _BRIEF},
        "first": {"type": "string"},
        "next": {"type": "string"},
        "schema": {"type": "string"},
    },
    "links": [
        {"rel": "first", "href": "{first}"},
        {"rel": "next", "href": "{next}"},
        {"rel": "describedby", "href": "{schema}"},
    ],
}
