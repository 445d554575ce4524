"""Glance's rules about metadata definitions, with their defaults."""

from __future__ import annotations

from fractus.auth.base_rules import ANY, GLANCE_ADMIN_OR_READER, GLANCE_ADMIN_OR_READER_GET_NAMESPACE
from fractus.auth.policy import RuleDefault

LIST = "get_metadef_namespaces"
GET = "get_metadef_namespace"
ADD = "add_metadef_namespace"
MODIFY = "modify_metadef_namespace"
DELETE = "delete_metadef_namespace"
TYPES = "list_metadef_resource_types"
GET_TYPE = "get_metadef_resource_type"
ADD_TYPE = "add_metadef_resource_type_association"
REMOVE_TYPE = "remove_metadef_resource_type_association"
DELETE_TAGS = "delete_metadef_tags"

#: Glance asks nothing of those who read schemas; a name of ours, for every route has a rule.
SEE_SCHEMAS = "fractus:image:metadef_schemas"

_ADMIN = "rule:metadef_admin"
_WRITES = {
    ADD: "Create a namespace of metadata definitions.",
    MODIFY: "Change a namespace.",
    DELETE: "Delete a namespace.",
    "add_metadef_object": "Add an object.",
    "modify_metadef_object": "Change an object.",
    "delete_metadef_object": "Delete an object.",
    ADD_TYPE: "Associate a namespace with a type of resources.",
    REMOVE_TYPE: "End an association with a type of resources.",
    "add_metadef_property": "Add a property.",
    "modify_metadef_property": "Change a property.",
    "remove_metadef_property": "Delete a property.",
    "add_metadef_tag": "Add a tag.",
    "add_metadef_tags": "Add several tags.",
    "modify_metadef_tag": "Rename a tag.",
    "delete_metadef_tag": "Delete a tag.",
    DELETE_TAGS: "Delete all tags of a namespace.",
}
_READS = {
    GET: "Show a namespace.",
    "get_metadef_object": "Show an object.",
    "get_metadef_objects": "List the objects of a namespace.",
    TYPES: "List types of resources.",
    GET_TYPE: "Show associations with types of resources.",
    "get_metadef_property": "Show a property.",
    "get_metadef_properties": "List the properties of a namespace.",
    "get_metadef_tag": "Show a tag.",
    "get_metadef_tags": "List the tags of a namespace.",
}

RULES = [
    RuleDefault(SEE_SCHEMAS, ANY, "Read the schemas of metadata definitions."),
    RuleDefault("metadef_default", "", "For rules that were once empty."),
    RuleDefault("metadef_admin", "rule:context_is_admin", "Who may write metadata definitions."),
    RuleDefault(LIST, GLANCE_ADMIN_OR_READER, "List namespaces of metadata definitions."),
    *(RuleDefault(rule, GLANCE_ADMIN_OR_READER_GET_NAMESPACE, what) for rule, what in _READS.items()),
    *(RuleDefault(rule, _ADMIN, what) for rule, what in _WRITES.items()),
]
