from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from fractus.local.clouds_yaml import (
    BACKUP_SUFFIX,
    CloudsFileError,
    entry,
    merge,
    merge_into,
    moved,
    users_file,
    write_own,
)

STATE = Path("/nowhere/fractus")


def ours(password: str = "p1", state: Path = STATE) -> dict[str, Any]:
    return entry(
        state,
        auth_url="http://127.0.0.1:8781/v3",
        region="fractus",
        username="demo",
        password=password,
        project="demo",
    )


COMMENTED = """\
# my clouds: do not lose this
cache: {expiration_time: 3600}   # odd but mine
clouds:
    # the big one
    big:
        auth:
            auth_url: https://big.example:5000   # behind the VPN
            password: "a#b"
        regions: [one, two]

    # the small one
    small:
        profile: vexxhost
        # last words of the small one
# after all clouds
other: 1
"""


def test_a_new_file_holds_our_entries_and_nobody_else_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "openstack" / "clouds.yaml"
    assert merge_into(path, {"fractus": ours(), "fractus-admin": ours()}) == []
    assert yaml.safe_load(path.read_text()) == {"clouds": {"fractus": ours(), "fractus-admin": ours()}}
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_every_line_of_others_stays() -> None:
    merged, refused = merge(COMMENTED, {"fractus": ours(), "fractus-admin": ours()})
    assert refused == []
    kept = [line for line in merged.splitlines() if line in COMMENTED.splitlines()]
    assert [line for line in kept if line] == [line for line in COMMENTED.splitlines() if line]
    data = yaml.safe_load(merged)
    assert list(data["clouds"]) == ["big", "small", "fractus", "fractus-admin"]
    assert data["clouds"]["fractus"] == ours()
    assert data["other"] == 1


def test_our_entry_is_brought_up_to_date_where_it_stands() -> None:
    merged, _ = merge(COMMENTED, {"fractus": ours("p1")})
    merged = merged.replace("# after all clouds", "    later: {profile: x}\n# after all clouds")
    again, refused = merge(merged, {"fractus": ours("p2")})
    assert refused == []
    assert again == merged.replace("p1", "p2")


def test_nothing_changes_when_nothing_changed(tmp_path: Path) -> None:
    path = tmp_path / "clouds.yaml"
    path.write_text(COMMENTED)
    merge_into(path, {"fractus": ours()})
    before = path.stat()
    (tmp_path / ("clouds.yaml" + BACKUP_SUFFIX)).unlink()
    merge_into(path, {"fractus": ours()})
    assert path.stat().st_ino == before.st_ino
    assert list(tmp_path.iterdir()) == [path]


def test_what_was_there_is_kept_and_so_is_the_mode(tmp_path: Path) -> None:
    path = tmp_path / "clouds.yaml"
    path.write_text(COMMENTED)
    path.chmod(0o640)
    merge_into(path, {"fractus": ours()})
    assert (tmp_path / ("clouds.yaml" + BACKUP_SUFFIX)).read_text() == COMMENTED
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_text(COMMENTED)
    (tmp_path / "clouds.yaml").symlink_to(tmp_path / "real.yaml")
    merge_into(tmp_path / "clouds.yaml", {"fractus": ours()})
    assert (tmp_path / "clouds.yaml").is_symlink()
    assert "fractus" in yaml.safe_load((tmp_path / "real.yaml").read_text())["clouds"]


@pytest.mark.parametrize("theirs", ["{profile: mine}", "{auth: {auth_url: x}}", "just text"])
def test_an_entry_of_our_name_that_we_did_not_write_is_left_alone(tmp_path: Path, theirs: str) -> None:
    path = tmp_path / "clouds.yaml"
    path.write_text(f"clouds:\n  fractus: {theirs}\n")
    refused = merge_into(path, {"fractus": ours(), "fractus-admin": ours()})
    assert refused == [f"{path} has an entry 'fractus' that fractus did not write."]
    data = yaml.safe_load(path.read_text())["clouds"]
    assert data["fractus"] == yaml.safe_load(theirs)
    assert data["fractus-admin"] == ours()


def test_an_entry_of_another_state_directory_stays_under_another_name_until_that_is_gone(
    tmp_path: Path,
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    text, _ = merge("", {"fractus": ours(state=other)})
    merged, refused = merge(text, {"fractus": ours()})
    assert refused == []
    assert yaml.safe_load(merged)["clouds"] == {"fractus": ours(), "fractus-other": ours(state=other)}
    other.rmdir()
    merged, refused = merge(text, {"fractus": ours()})
    assert refused == []
    assert yaml.safe_load(merged)["clouds"] == {"fractus": ours()}


def test_the_name_of_a_state_directory_is_never_that_of_another_entry(tmp_path: Path) -> None:
    admin = tmp_path / "admin"
    admin.mkdir()
    theirs = {"fractus": ours("p1", state=admin), "fractus-admin": ours("p2", state=admin)}
    text, _ = merge("", theirs)
    merged, _ = merge(text, {"fractus": ours(), "fractus-admin": ours()})
    assert yaml.safe_load(merged)["clouds"] == {
        "fractus": ours(), "fractus-admin": ours(),
        "fractus-admin-2": theirs["fractus"], "fractus-admin-admin": theirs["fractus-admin"],
    }  # fmt: skip


def test_the_newest_start_has_the_name_and_each_keeps_one_of_its_own(tmp_path: Path) -> None:
    one, two, path = tmp_path / "one", tmp_path / "a two!", tmp_path / "clouds.yaml"
    one.mkdir()
    two.mkdir()
    path.write_text("clouds:\n  fractus-a-two-: {profile: mine}\n")
    for state, password in ((one, "p1"), (two, "p2"), (one, "p3"), (two, "p4")):
        entries = {"fractus": ours(password, state=state)}
        sentences, had = moved(path, entries), yaml.safe_load(path.read_text())["clouds"]
        assert merge_into(path, entries) == []
        clouds = yaml.safe_load(path.read_text())["clouds"]
        assert clouds["fractus"] == ours(password, state=state)
        other = "fractus-one" if state == two else "fractus-a-two--2"
        assert sentences == ([f"{path}: the entry 'fractus' of the fractus in {one if state == two else two} is"
                              f" {other!r} now."] if "fractus" in had else [])  # fmt: skip
    assert clouds == {
        "fractus-a-two-": {"profile": "mine"},  # somebody's own
        "fractus": ours("p4", state=two),
        "fractus-one": ours("p3", state=one),
        "fractus-a-two--2": ours("p4", state=two),
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only a comment\n",
        "clouds:\n",
        "clouds: # none yet\ncache: {}\n",
        "clouds: {}\n",
        "clouds: null\n",
        "{clouds: {a: {profile: x}}}\n",
        "clouds: {a: {profile: x}, b: {profile: y}}\nother: 1\n",
        "other: 1\n",
        "other: 1",
        "clouds:\n  a:\n    profile: x",
        "clouds:\n  a:\n    text: |\n      two\n      lines\n\n\n# end\n",
        "clouds:\n  a: &base\n    profile: x\n  b:\n    <<: *base\n    regions:\n    - one\n    - two\n",
        "clouds:\n  a:\n  b: {x: [1,\n    2]}\n",
        "---\nclouds:\n  a: {profile: x}\n...\n",
        '{"clouds": {"a": {"profile": "x"}}}',
    ],
)
def test_the_data_of_any_form_of_file_survives(text: str) -> None:
    data = yaml.safe_load(text) or {}
    merged, refused = merge(text, {"fractus": ours("p1"), "fractus-admin": ours()})
    merged, _ = merge(merged, {"fractus": ours("p2"), "fractus-admin": ours()})
    clouds = {**(data.get("clouds") or {}), "fractus": ours("p2"), "fractus-admin": ours()}
    assert (yaml.safe_load(merged), refused) == ({**data, "clouds": clouds}, [])
    for comment in ("# only a comment", "# none yet", "# end"):
        assert (comment in merged) == (comment in text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("- a\n", "is not a clouds file"),
        ("clouds: [1]\n", "is not a clouds file"),
        ("a: b: c\n", "is not YAML"),
    ],
)
def test_what_is_no_clouds_file_is_not_touched(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "clouds.yaml"
    path.write_text(text)
    with pytest.raises(CloudsFileError, match=sentence):
        merge_into(path, {"fractus": ours()})
    assert path.read_text() == text


def test_the_file_of_the_user_is_found_and_none_is_hidden(tmp_path: Path) -> None:
    home, site = tmp_path / "config", tmp_path / "etc"
    environ = {"XDG_CONFIG_HOME": str(home)}
    site.mkdir()
    (home / "openstack").mkdir(parents=True)
    assert users_file(environ, site).path == home / "openstack" / "clouds.yaml"
    (site / "clouds.yaml").touch()
    assert users_file(environ, site).path is None
    assert "would hide" in users_file(environ, site).reason
    (home / "openstack" / "clouds.yml").touch()
    assert users_file(environ, site).path == home / "openstack" / "clouds.yml"
    named = users_file({**environ, "OS_CLIENT_CONFIG_FILE": "/x.yaml"}, site)
    assert (named.path, "/x.yaml" in named.reason) == (None, True)


# The SDK warns of a part of itself that nobody asked for.
@pytest.mark.filterwarnings("ignore:Support for InfluxDB")
def test_openstacksdk_reads_what_we_write(tmp_path: Path) -> None:
    from openstack.config import OpenStackConfig

    write_own(tmp_path / "clouds.yaml", {"fractus": ours()})
    assert (tmp_path / "clouds.yaml").stat().st_mode & 0o777 == 0o600
    config = OpenStackConfig(
        config_files=[str(tmp_path / "clouds.yaml")], secure_files=[], vendor_files=[], load_envvars=False
    )
    cloud = config.get_one("fractus")
    assert (cloud.region_name, cloud.get_auth_args()["username"]) == ("fractus", "demo")
