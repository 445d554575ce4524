"""Entries in `clouds.yaml`, the file that every OpenStack client reads.

The user's own file is precious: entries of ours are put in as text, so that every other line stays as it was, comments
included. The result is parsed and compared with what was meant before it is written; a file whose form does not
allow that (flow style, or no block under `clouds`) is written anew from its data, which loses its comments. What was
there before is kept beside it. An entry of our name that we did not write is never touched. One of another state
directory gets another name: the newest `fractus up` has the name that it prints.
"""

from __future__ import annotations

import itertools
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct

from fractus.base.files import sync_directory

#: The key by which we know our own entries again: the state directory they belong to. Clients ignore it.
OWNER = "fractus_state"

#: What the file held before the last change of ours.
BACKUP_SUFFIX = ".before-fractus"

Entry = Mapping[str, Any]


class CloudsFileError(Exception):
    """The file cannot be used; the message is one sentence."""


class Place(Struct, frozen=True):
    """Where entries may go. `path` is None where none is safe, and `reason` says why."""

    path: Path | None
    reason: str = ""


def entry(
    state_dir: Path,
    *,
    auth_url: str,
    region: str,
    username: str,
    password: str,
    project: str,
    ca_file: str = "",
) -> dict[str, Any]:
    """One entry for a user of the embedded Keystone. `ca_file`: the authority of our own certificate."""
    return {
        **({"cacert": ca_file} if ca_file else {}),
        OWNER: str(state_dir),
        "auth": {
            "auth_url": auth_url,
            "username": username,
            "password": password,
            "project_name": project,
            "user_domain_name": "Default",
            "project_domain_name": "Default",
        },
        "region_name": region,
        "interface": "public",
        "identity_api_version": 3,
    }


def users_file(environ: Mapping[str, str], site: Path = Path("/etc/openstack")) -> Place:
    """The file of this user that clients read when they are given nothing.

    Clients read only the first file they find, so a new file of ours must not hide one that is there already:
    then there is no safe place, and the user is pointed at the file in the state directory.
    """
    named = environ.get("OS_CLIENT_CONFIG_FILE")
    if named:
        return Place(None, f"OS_CLIENT_CONFIG_FILE names another file ({named})")
    config = environ.get("XDG_CONFIG_HOME")
    home = (Path(config) if config else Path("~/.config").expanduser()) / "openstack"
    for name in ("clouds.yaml", "clouds.yml"):
        if (home / name).exists():
            return Place(home / name)
    hidden = [home / "clouds.json", *(site / f"clouds.{end}" for end in ("yaml", "yml", "json"))]
    for path in hidden:
        if path.exists():
            return Place(None, f"a new {home / 'clouds.yaml'} would hide {path}")
    return Place(home / "clouds.yaml")


def write_own(path: Path, entries: Mapping[str, Entry]) -> None:
    """Write a file that is ours alone, readable by nobody else: it holds passwords."""
    _replace(path, _dump({"clouds": {name: dict(value) for name, value in entries.items()}}), 0o600)


def moved(path: Path, entries: Mapping[str, Entry]) -> list[str]:
    """A sentence for each entry that gets another name when `entries` are put into the file at `path`."""
    try:
        before = _clouds(_parse(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, CloudsFileError):
        return []  # `merge_into` says what is wrong with it
    names = {name: before[name][OWNER] for name in _others(before, entries)}
    new = {name: _name_for(before, entries, name, owner) for name, owner in names.items()}
    return [
        f"{path}: the entry {name!r} of the fractus in {names[name]} is {new[name]!r} now." for name in names
    ]


def merge_into(path: Path, entries: Mapping[str, Entry]) -> list[str]:
    """Put `entries` into the file at `path`, or bring ours up to date there. Entries of another state directory that is
    there keep what they say, under another name (`moved`).

    Returns a sentence for each entry that was left out because its name is taken. Raises `CloudsFileError` where the
    file cannot be read, is no clouds file, or cannot be written.
    """
    path = path.resolve()  # a link stays a link: what it points to is changed
    try:
        text = path.read_text("utf-8") if path.exists() else ""
        merged, refused = merge(text, entries)
        if merged != text:
            mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
            path.parent.mkdir(parents=True, exist_ok=True)
            if text:
                _replace(path.with_name(path.name + BACKUP_SUFFIX), text, mode)
            _replace(path, merged, mode)
    except (OSError, UnicodeDecodeError) as error:
        raise CloudsFileError(f"{path} cannot be changed: {error}.") from error
    except CloudsFileError as error:
        raise CloudsFileError(f"{path} {error}.") from error
    return [f"{path} has an entry {sentence}." for sentence in refused]


def merge(text: str, entries: Mapping[str, Entry]) -> tuple[str, list[str]]:
    """`text` with `entries` in it, and for each that was left out why. Pure."""
    data = _parse(text)
    before = _clouds(data)
    welcome: dict[str, Entry] = {}
    refused: list[str] = []
    for name, wanted in entries.items():
        if not _is_ours(before.get(name)):
            refused.append(f"{name!r} that fractus did not write")
            continue
        # Where another had the name meanwhile, our clients may use the one that ours was given then.
        mine = _name_for(before, entries, name, wanted[OWNER])
        names = [name, mine] if mine in before else [name]
        welcome |= {one: wanted for one in names if before.get(one) != wanted}
    for name in _others(before, entries):
        welcome[_name_for(before, entries, name, before[name][OWNER])] = before[name]
    if not welcome:
        return text, refused
    meant = {**data, "clouds": {**before, **welcome}}
    spliced = _splice(text, welcome)
    if spliced is not None and _parse_quietly(spliced) == meant:
        return spliced, refused
    return _dump(meant), refused


def _parse(text: str) -> dict[str, Any]:
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise CloudsFileError(f"is not YAML ({' '.join(str(error).split())})") from error
    if data is None:
        return {}
    if not isinstance(data, dict) or not isinstance(data.get("clouds") or {}, dict):
        raise CloudsFileError("is not a clouds file: it has no mapping under 'clouds'")
    return data


def _parse_quietly(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None


def _clouds(data: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = data.get("clouds") or {}
    return found


def _owner(present: Any) -> str:
    """The state directory of an entry, or nothing."""
    return str(present.get(OWNER) or "") if isinstance(present, dict) else ""


def _is_ours(present: Any) -> bool:
    """Whether a name is free, or an entry of it was written by fractus."""
    return present is None or bool(_owner(present))


def _others(before: Mapping[str, Any], entries: Mapping[str, Entry]) -> list[str]:
    """The names of `entries` that another state directory has, which is there."""
    owners = {name: _owner(before.get(name)) for name in entries}
    return [
        name
        for name, owner in owners.items()
        if owner and owner != entries[name][OWNER] and Path(owner).exists()
    ]


def _name_for(before: Mapping[str, Any], entries: Mapping[str, Entry], name: str, owner: str) -> str:
    """What an entry of a state directory is called while another has its name: `fractus-admin` of /srv/two is
    `fractus-admin-two`, with a number where that is somebody else's.
    """
    first = f"{name}-{re.sub(r'[^A-Za-z0-9_.-]+', '-', Path(owner).name)}"
    candidates = itertools.chain([first], (f"{first}-{number}" for number in itertools.count(2)))
    free = (one for one in candidates if one not in entries)
    return next(one for one in free if one not in before or _owner(before[one]) == owner)


def _splice(text: str, entries: Mapping[str, Entry]) -> str | None:
    """The entries put in as text, or None where the form of the file gives no place for them."""
    lines = text.splitlines()
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if root is None:
        return _joined([*lines, "clouds:", *_block(entries, 2)])
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        return None
    found = [(key, value) for key, value in root.value if key.value == "clouds"]
    if not found:
        return _joined([*lines, "clouds:", *_block(entries, 2)])
    key, clouds = found[0]
    if not isinstance(clouds, yaml.MappingNode):  # `clouds:` and nothing under it
        at = key.end_mark.line + 1
        return _joined([*lines[:at], *_block(entries, 2), *lines[at:]])
    if clouds.flow_style:
        return None
    indent = clouds.value[0][0].start_mark.column
    # From the last to the first, so that the line numbers of those before stay right.
    end = _last_line(clouds) + 1
    fresh = {name: value for name, value in entries.items() if name not in {k.value for k, _ in clouds.value}}
    lines[end:end] = _block(fresh, indent)
    for name_node, value in reversed(clouds.value):
        if name_node.value in entries:
            block = _block({name_node.value: entries[name_node.value]}, indent)
            lines[name_node.start_mark.line : _last_line(value) + 1] = block
    return _joined(lines)


def _last_line(node: yaml.Node) -> int:
    """The last line that `node` stands on. The end mark of a block lies after the comments that follow it."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style:
        return max(_last_line(part) for pair in node.value for part in pair)
    if isinstance(node, yaml.SequenceNode) and not node.flow_style:
        return max(_last_line(part) for part in node.value)
    end = node.end_mark
    return int(end.line - 1 if end.column == 0 and end.line > node.start_mark.line else end.line)


def _block(entries: Mapping[str, Entry], indent: int) -> list[str]:
    if not entries:
        return []
    text = _dump({name: dict(value) for name, value in entries.items()})
    return [" " * indent + line for line in text.splitlines()]


def _joined(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"


def _dump(data: Any) -> str:
    return yaml.safe_dump(data, sort_keys=False, default_flow_style=False, allow_unicode=True)


def _replace(path: Path, text: str, mode: int) -> None:
    """Write whole or not at all, and never readable by others in between."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name + ".")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            os.fchmod(out.fileno(), mode)
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        os.replace(name, path)
    except OSError:
        os.unlink(name)
        raise
    sync_directory(path.parent)
