"""Bodies, judged by JSON schemas as Cinder judges them: the first complaint, in its sentence."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import jsonschema
from jsonschema.exceptions import FormatError

from fractus.base.ids import is_uuid
from fractus.model.errors import Invalid
from fractus.services.pattern import closed, shown
from fractus.services.volume.dialect.schema.parameters import is_printable

Format: TypeAlias = "Callable[[Any], bool]"
"""Whether a value has a format; raises `Invalid` where Cinder has a sentence of its own."""


def _name(value: Any) -> bool:
    if not value:
        raise Invalid("An invalid 'name' value was provided. The 'name' can not be None.")
    if isinstance(value, str) and not value.strip():
        raise Invalid("An invalid 'name' value was provided. The 'name' can not be empty.")
    return True


def _stripped_name(value: Any) -> bool:
    """A name that is kept without the spaces around it."""
    text = value.strip() if isinstance(value, str) else value
    why = "None" if not value else "empty" if not text else ""
    if why or len(text) > 255:
        why = f"be {why}" if why else "be greater than 255 characters"
        raise Invalid(f"An invalid 'name' value was provided. The 'name' can not {why}.")
    return True


def _key_size(value: Any) -> bool:
    if value is not None and _number(value) != _whole(value):
        raise Invalid("Invalid input received: key_size must be an integer.")
    return True


def _whole(value: Any) -> int | str:
    """The number that a value is or says; the value where it is none."""
    try:
        return int(str(value))
    except ValueError:
        return str(value)


def _stripped(what: str) -> Format:
    def check(value: Any) -> bool:
        if isinstance(value, str) and len(value.strip()) > 255:
            raise Invalid(
                f"Invalid input received: {what} has {len(value.strip())} characters, more than 255."
            )
        return True

    return check


def _reason(value: Any) -> bool:
    """More than spaces, where anything is said at all."""
    return not value or not isinstance(value, str) or 0 < len(value.strip()) <= 255


def _level(value: Any) -> bool:
    """A level of logging."""
    if str(value or "").upper() not in _LEVELS:
        raise Invalid(f"Invalid input received: {value or ''} is not a valid log level.")
    return True


_LEVELS = ("INFO", "WARNING", "ERROR", "DEBUG")


def _looks_like_uuid(value: Any) -> bool:
    return not isinstance(value, str) or is_uuid(value)


def _printable(value: Any) -> bool:
    return not isinstance(value, str) or all(is_printable(char) for char in value)


def _progress(value: Any) -> bool:
    """A percentage, as Cinder reads it."""
    if value:
        number = _whole(str(value)[:-1])
        if not isinstance(number, int):
            raise Invalid("Invalid input received: progress must be an integer percentage")
        if not 0 <= number <= 100 or str(value)[-1] != "%":
            raise Invalid("Invalid input received: progress must be an integer percentage between 0 and 100")
    return True


def _base64(value: Any) -> bool:
    """Text that is base64, whatever it says."""
    try:
        base64.b64decode(value)
    except (ValueError, TypeError):
        return False
    return True


def _says_something(value: Any) -> bool:
    """The body of a reset names at least one state."""
    if isinstance(value, dict) and not any(value.get(one) for one in _RESETS):
        raise Invalid("Must specify 'status', 'attach_status' or 'migration_status' for update.")
    return True


_RESETS = ("status", "attach_status", "migration_status")

#: The states that an administrator may give (cinder.objects.fields), in its order.
VOLUME_STATES = (
    "creating", "available", "deleting", "error", "error_deleting", "error_managing", "managing", "attaching", "in-use",
    "detaching", "maintenance", "restoring-backup", "error_restoring", "reserved", "awaiting-transfer", "backing-up",
    "error_backing-up", "error_extending", "downloading", "uploading", "retyping", "extending",
)  # fmt: skip
SNAPSHOT_STATES = (
    "error", "available", "creating", "deleting", "deleted", "updating", "error_deleting", "unmanaging", "backing-up",
    "restoring",
)  # fmt: skip
GROUP_SNAPSHOT_STATES = (
    "error", "available", "creating", "deleting", "deleted", "updating", "error_deleting",
)  # fmt: skip
GROUP_STATES = (*GROUP_SNAPSHOT_STATES[:-1], "in-use", "error_deleting")
BACKUP_STATES = ["available", "error"]
MIGRATION_STATES = ("migrating", "error", "success", "completing", "none", "starting")


def _state(what: str, choices: Sequence[str], *, needed: bool = False) -> Format:
    def check(value: Any) -> bool:
        if (not value and not needed) or (isinstance(value, str) and value.lower() in choices):
            return True
        raise Invalid(f"{what} status: {value} is invalid, valid statuses are: {choices}.")

    return check


def _group_state(noun: str, what: str, choices: Sequence[str], link: str) -> Format:
    """Of groups what is said of a wrong one names every state, and one of them may not be given."""

    def check(value: Any) -> bool:
        if not isinstance(value, str):
            return True
        if not value.strip():
            raise Invalid(f"Invalid {noun} Status: The 'status' can not be empty.")
        if value.lower() not in GROUP_SNAPSHOT_STATES:
            raise Invalid(
                f"Invalid {noun} Status: {what} status: {value} is invalid, valid {link}: {choices}."
            )
        return True

    return check


def _group_type(value: Any) -> bool:
    """One is named."""
    if isinstance(value, str) and not 0 < len(value.strip()) <= 255:
        size = "None" if not value else "empty"
        raise Invalid(f"An invalid 'group_type' value was provided. The 'group_type' can not be {size}.")
    return True


FORMATS: Mapping[str, Format] = {
    "name": _name,
    "name_skip_leading_trailing_spaces": _stripped_name,
    "name_or_null": lambda value: value is None or _stripped_name(value),
    "key_size": _key_size,
    "name_stripped": _stripped("name"),
    "description_stripped": _stripped("description"),
    "uuid": _looks_like_uuid,
    "printable": _printable,
    "reset_body": _says_something,
    "volume_status": _state("Volume", VOLUME_STATES),
    "volume_attach_status": _state("Volume attach", ["attached", "detached"]),
    "volume_migration_status": _state("Volume migration", MIGRATION_STATES),
    "snapshot_status": _state("Snapshot", SNAPSHOT_STATES, needed=True),
    "backup_status": _state("Backup", BACKUP_STATES, needed=True),
    "group_status": _group_state("Group", "Group", GROUP_STATES, "status are"),
    "group_snapshot_status": _group_state(
        "GroupSnapshot", "Group snapshot", GROUP_SNAPSHOT_STATES, "statuses are"
    ),
    "group_type": _group_type,
    "base64": _base64,
    "disabled_reason": _reason,
    "level": _level,
    "progress": _progress,
}


class _Formats:
    """What jsonschema asks of a format checker."""

    def check(self, instance: Any, format: str) -> None:
        known = FORMATS.get(format)
        if known is not None and not known(instance):
            raise FormatError(f"{instance!r} is not a {format!r}")


def _bound(name: str) -> Callable[..., Any]:
    """Of a number that is written as text, too."""
    original = jsonschema.Draft4Validator.VALIDATORS[name]

    def check(validator: Any, bound: Any, value: Any, schema: Any) -> Any:
        number = _number(value)
        return None if number is None else original(validator, bound, number, schema)

    return check


def _number(value: Any) -> int | float | None:
    for read in (int, float):
        try:
            return read(value)
        except (ValueError, TypeError, OverflowError):
            continue
    return None


_Validator = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft4Validator, {name: _bound(name) for name in ("minimum", "maximum")}
)


def _closed(schema: Any) -> Any:
    """A schema whose patterns end at the end of the text."""
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    found = {name: _closed(one) for name, one in schema.items()}
    if isinstance(pattern := found.get("pattern"), str):
        found["pattern"] = closed(pattern)
    if isinstance(named := found.get("patternProperties"), Mapping):
        found["patternProperties"] = {closed(pattern): one for pattern, one in named.items()}
    return found


class Judge:
    """One schema, made ready once."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._validator = _Validator(_closed(schema), format_checker=_Formats())

    def check(self, body: Any) -> None:
        """`Invalid` with Cinder's sentence about the first thing that is wrong."""
        for error in self._validator.iter_errors(body):
            message = shown(error.message)
            if error.path:
                raise Invalid(
                    f"Invalid input for field/attribute {error.path[-1]}. Value: {error.instance}. {message}"
                )
            raise Invalid(message)
