"""Settings: everything that can be set, once, with its meaning, unit and the reason for its default.

One `Settings` is made when a process starts and handed down; no other module reads the environment. A value comes
from the first of these that names it:

    1. what the program was given explicitly (`fractus up --port 9000`)
    2. the environment: FRACTUS_<SECTION>_<FIELD>, as in FRACTUS_API_PORT; the items of a list between commas
    3. `fractus.toml` in the state directory
    4. what an earlier `fractus up` was given explicitly (`remembered.json`, kept so that the next start is the same)
    5. the default

A key that does not exist is refused, never ignored: a misspelt setting would else be a silent default. Child clouds
are not settings but rows in the store (`fractus cloud add`).
"""

from __future__ import annotations

import difflib
import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from fractus.base.files import put
from fractus.settings.sections import (
    FORMER_FIELDS,
    FORMER_NAMES,
    SECTIONS,
    Api,
    Auth,
    Holds,
    Images,
    Keystone,
    Log,
    Network,
    Quota,
    Scheduling,
    Store,
    Wake,
    Work,
)

#: The file an operator writes, and the one `fractus up` writes, both in the state directory.
FILE = "fractus.toml"
REMEMBERED = "remembered.json"

#: Stands for the state directory in path-like settings.
STATE = "{state}"

_Section = TypeVar("_Section", bound=Struct)


class SettingsError(Exception):
    """A setting is wrong; the message is one sentence that says which, where and why."""


class Settings(Struct, frozen=True, kw_only=True):
    """All settings of one process, complete: nothing is left empty that follows from something else."""

    state_dir: Path
    """Everything that fractus writes is under it, unless a setting says otherwise."""
    api: Api
    log: Log
    keystone: Keystone
    store: Store
    work: Work
    scheduling: Scheduling
    network: Network
    wake: Wake
    auth: Auth
    images: Images
    holds: Holds
    quota: Quota

    @property
    def endpoint(self) -> str:
        """The public URL of the API, without a slash at its end."""
        return self.api.public_endpoint

    @property
    def log_dir(self) -> Path:
        """Where the processes that `fractus up` starts write their logs."""
        return self.state_dir / "log"

    @property
    def run_dir(self) -> Path:
        """What is true of a running `fractus up` only: its lock and its list of processes."""
        return self.state_dir / "run"

    def __repr__(self) -> str:
        """Short, and without anything secret."""
        return f"Settings(state_dir={str(self.state_dir)!r}, endpoint={self.endpoint!r})"


#: section -> field -> value, as read
Layer = Mapping[str, Mapping[str, Any]]


def state_dir_of(given: str | Path | None = None, environ: Mapping[str, str] | None = None) -> Path:
    """The state directory: as given, else $FRACTUS_STATE, else ~/.local/share/fractus ($XDG_DATA_HOME)."""
    environ = os.environ if environ is None else environ
    if given or environ.get("FRACTUS_STATE"):
        return Path(given or environ["FRACTUS_STATE"]).expanduser().absolute()
    data = environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path("~/.local/share").expanduser()).absolute() / "fractus"


def load(
    state_dir: str | Path | None = None,
    *,
    overrides: Layer | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Read all settings. `overrides` is what the program was given explicitly: section -> field -> value.

    Raises `SettingsError` with one sentence where a key is unknown, a value is wrong or a file cannot be read.
    """
    environ = os.environ if environ is None else environ
    state = state_dir_of(state_dir, environ)
    layers = [
        (str(state / REMEMBERED), _by_present_names(_read(state / REMEMBERED, json.loads))),
        (str(state / FILE), _by_present_names(_read(state / FILE, tomllib.loads))),
        ("the environment", _from_environment(environ)),
        ("the command line", overrides or {}),
    ]
    merged: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
    origin: dict[tuple[str, str], str] = {}
    for where, layer in layers:
        _refuse_unknown(layer, where)
        for section, fields in layer.items():
            merged[section].update(fields)
            origin.update({(section, field): where for field in fields})
    keystone = _convert(Keystone, "keystone", merged, origin)
    return _complete(
        Settings(
            state_dir=state,
            api=_convert(Api, "api", merged, origin),
            log=_convert(Log, "log", merged, origin),
            keystone=keystone,
            store=_convert(Store, "store", merged, origin),
            work=_convert(Work, "work", merged, origin),
            scheduling=_convert(Scheduling, "scheduling", merged, origin),
            network=_convert(Network, "network", merged, origin),
            wake=_convert(Wake, "wake", merged, origin),
            auth=_convert(Auth, "auth", merged, origin),
            images=_convert(Images, "images", merged, origin),
            holds=_convert(Holds, "holds", merged, origin),
            quota=_convert(Quota, "quota", merged, origin),
        )
    )


def _read(path: Path, parse: Any) -> Layer:
    try:
        layer: Layer = parse(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise SettingsError(f"{path} cannot be understood: {error}.") from error
    return layer


def _by_present_names(layer: Layer) -> Layer:
    """What is written by its former name counts, where the same layer does not say otherwise by its present one."""
    renamed = {FORMER_NAMES[old]: fields for old, fields in layer.items() if old in FORMER_NAMES}
    kept = {section: fields for section, fields in layer.items() if section not in FORMER_NAMES}
    for section, fields in renamed.items():
        present = kept.get(section, {})
        # What is no section is refused with all that is wrong.
        parts: tuple[Any, ...] = (fields, present)
        wrong = [one for one in parts if not isinstance(one, Mapping)]
        kept[section] = wrong[0] if wrong else {**fields, **present}
    return {section: _present_fields(section, fields) for section, fields in kept.items()}


def _present_fields(section: str, fields: Any) -> Any:
    former = FORMER_FIELDS.get(section, {})
    if not isinstance(fields, Mapping) or not former.keys() & fields.keys():
        return fields
    by_former = {former[name]: value for name, value in fields.items() if name in former}
    return {**by_former, **{name: value for name, value in fields.items() if name not in former}}


def _from_environment(environ: Mapping[str, str]) -> Layer:
    """FRACTUS_<SECTION>_<FIELD>. Other names that begin with FRACTUS_ are somebody else's business."""
    layer: dict[str, dict[str, str]] = {}
    for name, value in environ.items():
        prefix, _, rest = name.partition("_")
        section, _, field = rest.lower().partition("_")
        if prefix == "FRACTUS" and (section in SECTIONS or section in FORMER_NAMES) and field:
            layer.setdefault(section, {})[field] = value
    return _by_present_names(layer)


def _refuse_unknown(layer: Layer, where: str) -> None:
    for section, fields in layer.items():
        if section not in SECTIONS:
            hint = _did_you_mean(section, SECTIONS)
            raise SettingsError(f"{where} has a section or key that does not exist: {section}{hint}")
        if not isinstance(fields, Mapping):
            raise SettingsError(f"{where}: {section} is a section, so it is written [{section}].")
        known = SECTIONS[section].__struct_fields__
        for field in fields:
            if field not in known:
                hint = _did_you_mean(field, known)
                raise SettingsError(f"{where} has a key that does not exist: {field} in [{section}]{hint}")


def _did_you_mean(word: str, known: Any) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else f". Known are: {', '.join(known)}."


def _convert(
    kind: type[_Section],
    section: str,
    merged: Mapping[str, Mapping[str, Any]],
    origin: Mapping[tuple[str, str], str],
) -> _Section:
    # One field at a time, so that the sentence can say which; not strict, because the environment has only texts.
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        if field.name in merged[section]:
            value = merged[section][field.name]
            if field.default_factory is list and isinstance(value, str):
                value = value.replace(",", " ").split()
            try:
                values[field.name] = msgspec.convert(value, field.type, strict=False)
            except msgspec.ValidationError as error:
                where = origin[section, field.name]
                raise SettingsError(f"{where}: {field.name} in [{section}] is wrong: {error}.") from error
    return kind(**values)


def _complete(settings: Settings) -> Settings:
    """Fill in what follows from something else."""
    state = str(settings.state_dir)
    api, keystone = settings.api, settings.keystone
    if bool(api.tls_cert) != bool(api.tls_key):
        raise SettingsError("[api] tls_cert and tls_key belong together: name both, or neither.")
    api = msgspec.structs.replace(
        api,
        **{name: getattr(api, name).replace(STATE, state) for name in ("tls_cert", "tls_key", "tls_ca")},
    )
    scheme = "https" if api.tls_cert else "http"
    endpoint = api.public_endpoint or f"{scheme}://{in_url(reachable(api.host))}:{api.port}"
    if keystone.mode == "embedded":
        keystone = msgspec.structs.replace(
            keystone,
            url=f"http://{in_url(reachable(api.host))}:{keystone.port}/v3",
            password=keystone.password or secrets(settings.state_dir).get("service", ""),
        )
    elif not keystone.url:
        raise SettingsError("[keystone] mode is external, so [keystone] url must say where it is.")
    return msgspec.structs.replace(
        settings,
        api=msgspec.structs.replace(api, public_endpoint=endpoint.rstrip("/")),
        keystone=msgspec.structs.replace(keystone, url=keystone.url.rstrip("/")),
        store=msgspec.structs.replace(settings.store, url=settings.store.url.replace(STATE, state)),
        auth=msgspec.structs.replace(settings.auth, key_file=settings.auth.key_file.replace(STATE, state)),
        images=msgspec.structs.replace(
            settings.images, directory=settings.images.directory.replace(STATE, state)
        ),
    )


def reachable(host: str) -> str:
    """An address to reach a listener on `host` from this machine: a wildcard is none."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)


def in_url(host: str) -> str:
    """`host` as it is written in a URL: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def secrets(state_dir: Path) -> dict[str, str]:
    """The passwords of the embedded Keystone: `admin`, `service`, `demo`. Empty before its first start."""
    try:
        found: dict[str, str] = json.loads((state_dir / "keystone" / "secrets.json").read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise SettingsError(f"The secrets of the embedded Keystone cannot be read: {error}.") from error
    return found


def remember(state_dir: Path, overrides: Layer) -> None:
    """Keep what `fractus up` was given explicitly, for the next start and for the other commands. OSError."""
    path = state_dir / REMEMBERED
    before = {section: dict(fields) for section, fields in _read(path, json.loads).items()}
    kept = {section: dict(fields) for section, fields in before.items()}
    for section, fields in overrides.items():
        kept.setdefault(section, {}).update(fields)
    if any(kept.values()) and kept != before:
        put(path, (json.dumps(kept, indent=2) + "\n").encode(), mode=0o600)


def environment(state_dir: Path, overrides: Layer) -> dict[str, str]:
    """The variables that make a child process load the same settings as this one."""
    variables = {"FRACTUS_STATE": str(state_dir)}
    for section, fields in overrides.items():
        for field, value in fields.items():
            text = str(value).lower() if isinstance(value, bool) else str(value)
            if isinstance(value, list):
                text = ",".join(map(str, value))
            variables[f"FRACTUS_{section}_{field}".upper()] = text
    return variables
