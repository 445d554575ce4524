"""Glance's rules about images, with their defaults."""

from __future__ import annotations

from fractus.auth.base_rules import (
    GLANCE_ADMIN,
    GLANCE_ADMIN_OR_MEMBER,
    GLANCE_ADMIN_OR_MEMBER_CREATE_IMAGE,
    GLANCE_ADMIN_OR_MEMBER_DOWNLOAD_IMAGE,
    GLANCE_ADMIN_OR_READER,
    GLANCE_ADMIN_OR_READER_GET_IMAGE,
    GLANCE_ADMIN_OR_READER_OR_SHARED_MEMBER,
    GLANCE_ADMIN_OR_SHARED_MEMBER,
    GLANCE_SERVICE_OR_MEMBER,
)
from fractus.auth.policy import RuleDefault

#: Asked of every route here before the image is known; what a caller may do with one image is asked when it is.
LIST = "get_images"
GET = "get_image"
ADD = "add_image"
MODIFY = "modify_image"
DELETE = "delete_image"
PUBLICIZE = "publicize_image"
COMMUNITIZE = "communitize_image"
UPLOAD = "upload_image"
DOWNLOAD = "download_image"
DEACTIVATE = "deactivate"
REACTIVATE = "reactivate"
#: Glance's `copy_image` is for its operators, who pay for its stores; this brings a project's own bits to the one here.
COPY = "fractus:image:copy_here"
#: Copies in the stores of clouds, as Glance has it for all of its stores.
COPY_TO = "copy_image"
PREFER = "download_from_store"
TASKS = "tasks_api_access"
ADD_LOCATION = "add_image_location"
GET_LOCATION = "get_image_location"
DELETE_LOCATION = "delete_image_location"
FETCH_LOCATION = "fetch_image_location"
ADD_MEMBER = "add_member"
DELETE_MEMBER = "delete_member"
GET_MEMBER = "get_member"
GET_MEMBERS = "get_members"
MODIFY_MEMBER = "modify_member"

RULES = [
    RuleDefault(LIST, GLANCE_ADMIN_OR_READER, "List images."),
    RuleDefault(GET, GLANCE_ADMIN_OR_READER_GET_IMAGE, "Show an image."),
    RuleDefault(ADD, GLANCE_ADMIN_OR_MEMBER_CREATE_IMAGE, "Create an image."),
    RuleDefault(MODIFY, GLANCE_ADMIN_OR_MEMBER, "Change an image."),
    RuleDefault(DELETE, GLANCE_ADMIN_OR_MEMBER, "Delete an image."),
    RuleDefault(PUBLICIZE, GLANCE_ADMIN, "Make an image public."),
    RuleDefault(COMMUNITIZE, GLANCE_ADMIN_OR_MEMBER, "Make an image a community image."),
    RuleDefault(UPLOAD, GLANCE_ADMIN_OR_MEMBER, "Upload the bits of an image."),
    RuleDefault(DOWNLOAD, GLANCE_ADMIN_OR_MEMBER_DOWNLOAD_IMAGE, "Download the bits of an image."),
    RuleDefault(DEACTIVATE, GLANCE_ADMIN_OR_MEMBER, "Deactivate an image."),
    RuleDefault(REACTIVATE, GLANCE_ADMIN_OR_MEMBER, "Reactivate an image."),
    RuleDefault(GET_LOCATION, GLANCE_ADMIN_OR_READER, "Know the locations of an image."),
    RuleDefault(DELETE_LOCATION, GLANCE_ADMIN, "Remove a location of an image."),
    RuleDefault(FETCH_LOCATION, "rule:service_api", "List the locations of an image."),
    RuleDefault(COPY, GLANCE_ADMIN_OR_MEMBER, "Copy the bits of an image here from the cloud that has them."),
    RuleDefault(COPY_TO, GLANCE_ADMIN, "Have clouds keep copies of an image."),
    RuleDefault(
        PREFER, GLANCE_ADMIN_OR_MEMBER_DOWNLOAD_IMAGE, "Choose the store that an image is read from."
    ),
    RuleDefault(TASKS, GLANCE_ADMIN, "Use the API of tasks."),
    RuleDefault(ADD_LOCATION, GLANCE_SERVICE_OR_MEMBER, "Add a location to an image."),
    RuleDefault(ADD_MEMBER, GLANCE_ADMIN_OR_MEMBER, "Share an image with a project."),
    RuleDefault(DELETE_MEMBER, GLANCE_ADMIN_OR_MEMBER, "Share an image with a project no longer."),
    RuleDefault(
        GET_MEMBER, GLANCE_ADMIN_OR_READER_OR_SHARED_MEMBER, "Show a project that an image is shared with."
    ),
    RuleDefault(
        GET_MEMBERS, GLANCE_ADMIN_OR_READER_OR_SHARED_MEMBER, "List the projects an image is shared with."
    ),
    RuleDefault(MODIFY_MEMBER, GLANCE_ADMIN_OR_SHARED_MEMBER, "Accept or reject an image that was shared."),
]
