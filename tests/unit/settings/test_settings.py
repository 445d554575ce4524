from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from fractus.settings import loading
from fractus.settings.loading import SettingsError, environment, load
from fractus.settings.sample import describe, sample
from fractus.settings.sections import FORMER_FIELDS, FORMER_NAMES, SECTIONS


def test_defaults_are_complete_and_lie_under_the_state_directory(tmp_path: Path) -> None:
    found = load(tmp_path, environ={})
    assert found.state_dir == tmp_path
    assert found.endpoint == "http://127.0.0.1:8780"
    assert found.keystone.url == "http://127.0.0.1:8781/v3"
    assert found.store.url == f"sqlite:///{tmp_path}/fractus.db"
    assert Path(found.auth.key_file).parent == tmp_path
    assert Path(found.images.directory).parent == tmp_path


def test_each_source_overrides_the_one_before(tmp_path: Path) -> None:
    loading.remember(tmp_path, {"api": {"port": 1001}, "log": {"level": "debug"}, "work": {"stale_after": 1}})
    (tmp_path / "fractus.toml").write_text("[api]\nport = 1002\n[log]\nlevel = 'warning'\n")
    environ = {"FRACTUS_API_PORT": "1003", "FRACTUS_LOG_JSON": "true", "HOME": "/nowhere"}
    found = load(tmp_path, environ=environ, overrides={"api": {"host": "127.0.0.2"}})
    assert (found.api.port, found.api.host) == (1003, "127.0.0.2")
    assert (found.log.level, found.log.json) == ("warning", True)
    assert found.work.stale_after == 1.0
    assert found.endpoint == "http://127.0.0.2:1003"
    assert load(tmp_path, environ=environ, overrides={"api": {"port": 1004}}).api.port == 1004


def test_a_child_process_loads_the_same_settings(tmp_path: Path) -> None:
    settings_given = {"api": {"port": 9000}, "log": {"json": True}}
    environ = loading.environment(tmp_path, settings_given)
    assert load(environ=environ) == load(tmp_path, environ={}, overrides=settings_given)


def test_what_was_given_is_remembered_by_the_next_start(tmp_path: Path) -> None:
    loading.remember(tmp_path, {"api": {"port": 9000}})
    loading.remember(tmp_path, {"keystone": {"port": 9001}})
    found = load(tmp_path, environ={})
    assert (found.api.port, found.keystone.port) == (9000, 9001)
    loading.remember(tmp_path, {})
    assert load(tmp_path, environ={}) == found


(_HOLDS,), (_LEAST,) = (
    [old for old, new in former.items() if new == name]
    for former, name in ((FORMER_NAMES, "holds"), (FORMER_FIELDS["holds"], "automatic_least"))
)


@pytest.mark.parametrize(
    ("text", "environ", "expected"),
    [
        ("[holds]\nunasked_least = 7\n", {}, (7, 600.0)),
        (f"[{_HOLDS}]\nunasked_least = 7\nautomatic_window = 5\n", {}, (7, 5.0)),  # of a former section
        ("[holds]\nunasked_least = 7\nautomatic_least = 8\n", {}, (8, 600.0)),
        ("[holds]\nautomatic_least = 8\n", {f"FRACTUS_HOLDS_{_LEAST.upper()}": "9"}, (9, 600.0)),
    ],
)
def test_a_field_may_be_written_by_its_former_name(
    tmp_path: Path, text: str, environ: dict[str, str], expected: tuple[int, float]
) -> None:
    (tmp_path / "fractus.toml").write_text(text)
    holds = load(tmp_path, environ=environ).holds
    assert (holds.automatic_least, holds.automatic_window) == expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[api]\nprot = 1\n", "has a key that does not exist: prot in [api]; did you mean port?"),
        ("[apy]\nport = 1\n", "has a section or key that does not exist: apy; did you mean api?"),
        ("port = 1\n", "has a section or key that does not exist: port"),
        ("api = 1\n", "api is a section, so it is written [api]"),
        *(
            (f"{old} = 1\n", f"{new} is a section, so it is written [{new}]")
            for old, new in FORMER_NAMES.items()
        ),
        ("[api]\nport = 'x'\n", "port in [api] is wrong: Expected `int`, got `str`"),
        ("[api]\nport = 0\n", "port in [api] is wrong: Expected `int` >= 1"),
        ("[log]\nlevel = 'loud'\n", "level in [log] is wrong: Invalid enum value 'loud'"),
        ("[api\n", "cannot be understood"),
        ("[keystone]\nmode = 'external'\n", "[keystone] url must say where it is"),
    ],
)
def test_a_wrong_file_is_refused_in_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "fractus.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, environ={})
    assert sentence in str(caught.value)


def test_a_wrong_value_names_where_it_came_from(tmp_path: Path) -> None:
    (tmp_path / "fractus.toml").write_text("[api]\nport = 99999\n")
    with pytest.raises(SettingsError, match=r"fractus\.toml: port in"):
        load(tmp_path, environ={})
    with pytest.raises(SettingsError, match="the environment: port in"):
        load(tmp_path, environ={"FRACTUS_API_PORT": "many"})


def test_a_misspelt_variable_is_refused_and_other_peoples_are_not(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="the environment has a key that does not exist: prot"):
        load(tmp_path, environ={"FRACTUS_API_PROT": "1"})
    load(tmp_path, environ={"FRACTUS_SOMETHING_ELSE": "1", "FRACTUS_STATE": "ignored", "FRACTUS": "1"})


def test_the_state_directory_is_given_or_found(tmp_path: Path) -> None:
    found = loading.state_dir_of
    assert found(tmp_path, {"FRACTUS_STATE": "/other"}) == tmp_path
    assert found(None, {"FRACTUS_STATE": str(tmp_path)}) == tmp_path
    assert found(None, {"XDG_DATA_HOME": str(tmp_path)}) == tmp_path / "fractus"
    assert found(None, {}) == Path.home() / ".local/share/fractus"


def test_the_service_password_of_the_embedded_keystone_is_filled_in_and_never_printed(tmp_path: Path) -> None:
    (tmp_path / "keystone").mkdir()
    (tmp_path / "keystone" / "secrets.json").write_text(json.dumps({"service": "s3cr3t"}))
    found = load(tmp_path, environ={})
    assert found.keystone.password == "s3cr3t"
    assert "s3cr3t" not in repr(found) + repr(found.keystone)


def test_an_external_keystone_is_taken_as_given(tmp_path: Path) -> None:
    settings_given = {"keystone": {"mode": "external", "url": "https://id.example:5000/v3/", "password": "p"}}
    found = load(tmp_path, environ={}, overrides=settings_given)
    assert (found.keystone.url, found.keystone.password) == ("https://id.example:5000/v3", "p")


@pytest.mark.parametrize(
    ("host", "endpoint"), [("0.0.0.0", "http://127.0.0.1:8780"), ("::", "http://[::1]:8780")]
)
def test_a_wildcard_address_becomes_one_that_can_be_reached(tmp_path: Path, host: str, endpoint: str) -> None:
    assert load(tmp_path, environ={}, overrides={"api": {"host": host}}).endpoint == endpoint


def test_the_sample_loads_and_says_the_defaults(tmp_path: Path) -> None:
    before = load(tmp_path, environ={})
    (tmp_path / "fractus.toml").write_text(sample())
    assert load(tmp_path, environ={}) == before
    uncommented = "\n".join(
        line[1:] if line.startswith("#") and not line.startswith("# ") else line
        for line in sample().splitlines()
    )
    (tmp_path / "fractus.toml").write_text(uncommented)
    assert "[api]\n" in uncommented
    assert "\nport = 8780\n" in uncommented
    assert load(tmp_path, environ={}) == before


def test_every_setting_says_what_it_means() -> None:
    for kind in SECTIONS.values():
        for field in msgspec.structs.fields(kind):
            assert len(describe(field.type)) > 20, f"{kind.__name__}.{field.name}"


def test_a_list_is_written_with_commas_in_the_environment(tmp_path: Path) -> None:
    servers = ["10.0.0.1:11211", "10.0.0.2:11211"]
    for text in ("10.0.0.1:11211,10.0.0.2:11211", "10.0.0.1:11211 10.0.0.2:11211"):
        loaded = load(tmp_path, environ={"FRACTUS_AUTH_MEMCACHED": text})
        assert loaded.auth.memcached == servers
    handed_on = environment(tmp_path, {"auth": {"memcached": servers}})
    assert load(tmp_path, environ=handed_on).auth.memcached == servers


def _numbers() -> list[tuple[str, str]]:
    return [
        (section, field.name)
        for section, kind in SECTIONS.items()
        for field in msgspec.structs.fields(kind)
        if type(field.default) in (int, float, bool)
    ]


@pytest.mark.parametrize(("section", "field"), _numbers())
def test_every_number_and_switch_is_what_the_environment_says(
    tmp_path: Path, section: str, field: str
) -> None:
    default = getattr(getattr(loading.load(tmp_path, environ={}), section), field)
    other = not default if isinstance(default, bool) else default + 1
    name = f"FRACTUS_{section}_{field}".upper()
    found = loading.load(tmp_path, environ={name: str(other).lower()})
    assert getattr(getattr(found, section), field) == other
