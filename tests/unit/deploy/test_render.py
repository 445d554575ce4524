"""What the rendered files say, where saying it wrong would cost a deployment its safety."""

from __future__ import annotations

import configparser
import os
import re
import stat
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from cryptography.fernet import Fernet
from jinja2 import UndefinedError

from fractus.auth.vault import Vault
from fractus.deploy import render, secret
from fractus.deploy.inventory import Inventory, InventoryError, load
from fractus.deploy.secret import Secrets
from fractus.settings.loading import load as load_settings
from tests.unit.deploy.inventories import EXAMPLE, inventory, nodes


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    return secret.load_or_make(tmp_path / "secrets.toml", inventory())


def files_of(deployment: Inventory, secrets: Secrets) -> dict[str, str]:
    return {path: content.decode() for path, content in render.render(deployment, secrets).items()}


def sections(text: str) -> dict[str, list[str]]:
    """HAProxy's or Keepalived's blocks: the first line of each -> its lines, without comments."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.splitlines():
        if not line.strip() or line.strip().startswith("#"):
            continue
        if not line.startswith(" "):
            current = found.setdefault(line.strip(), [])
        else:
            current.append(" ".join(line.split()))
    return found


def test_the_same_inventory_gives_the_same_bytes_and_the_second_time_nothing_changes(tmp_path: Path) -> None:
    place = tmp_path / "secrets.toml"
    first = render.render(inventory(), secret.load_or_make(place, inventory()))
    kept = place.read_bytes()
    again = render.render(inventory(), secret.load_or_make(place, inventory()))
    assert first == again
    assert place.read_bytes() == kept
    out = tmp_path / "out"
    assert sorted(render.write(out, first)) == sorted(first)
    assert render.write(out, again) == []


def test_secrets_are_read_by_their_owner_only_and_never_shown(tmp_path: Path, secrets: Secrets) -> None:
    place = tmp_path / "secrets.toml"
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert secrets["database-fractus"] not in repr(secrets)
    os.chmod(place, 0o640)
    with pytest.raises(InventoryError, match="may be read by others"):
        secret.read(place)


def test_what_is_rendered_is_the_owners_only(tmp_path: Path, secrets: Secrets) -> None:
    out = tmp_path / "out"
    render.write(out, render.render(inventory(), secrets))
    for path in [out, *out.rglob("*")]:
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


def test_a_node_that_left_the_inventory_leaves_the_directory_and_nothing_foreign_is_touched(
    tmp_path: Path, secrets: Secrets
) -> None:
    out = tmp_path / "out"
    render.write(out, render.render(inventory(), secrets))
    (out / "notes.txt").write_text("mine")
    render.write(out, render.render(inventory(node=nodes(2)), secrets))
    assert sorted(path.name for path in out.iterdir() if path.is_dir()) == ["n1", "n2"]
    assert (out / "notes.txt").read_text() == "mine"
    foreign = tmp_path / "home"
    foreign.mkdir()
    (foreign / "work.txt").write_text("mine")
    with pytest.raises(InventoryError, match="not empty"):
        render.write(foreign, render.render(inventory(), secrets))


def test_every_file_begins_with_what_rendered_it_or_is_a_key(secrets: Secrets) -> None:
    for path, text in files_of(inventory(), secrets).items():
        if re.search(r"/(fernet-keys|credential-keys)/\d+$|vault\.key$|\.erlang\.cookie$", path):
            assert "#" not in text  # their formats know no comment
        else:
            assert "endered by `fractus deploy render`" in "\n".join(text.splitlines()[:2]), path


def test_templates_refuse_a_name_that_does_not_exist() -> None:
    with pytest.raises(UndefinedError):
        render.environment().from_string("{{ nothing }}").render()


def test_one_database_node_takes_writes_and_none_keeps_old_connections(secrets: Secrets) -> None:
    haproxy = sections(files_of(inventory(), secrets)["n1/root/etc/haproxy/haproxy.cfg"])
    servers = [line.split() for line in haproxy["backend database"] if line.startswith("server ")]
    assert [words[1] for words in servers] == ["n1", "n2", "n3"]
    for words in servers:
        assert "backup" in words
        assert words[words.index("port") + 1] == "9200"
        assert words[words.index("on-marked-down") + 1] == "shutdown-sessions"
    assert "stick on dst" in haproxy["backend database"]
    assert any(
        line.startswith("stick-table") and "peers fractus" in line for line in haproxy["backend database"]
    )
    assert haproxy["peers fractus"] == ["peer n1 10.20.0.11:10000", "peer n2 10.20.0.12:10000"]


def test_the_back_ends_are_asked_how_they_are_and_changes_are_never_sent_twice(secrets: Secrets) -> None:
    haproxy = sections(files_of(inventory(), secrets)["n2/root/etc/haproxy/haproxy.cfg"])
    for name, path in (("api", "/healthcheck"), ("identity", "/v3")):
        backend = haproxy[f"backend {name}"]
        assert f"http-check send meth GET uri {path} ver HTTP/1.1 hdr Host {name}" in backend
        assert "http-request disable-l7-retry unless { method GET HEAD }" in backend
        assert sum(line.startswith("server ") for line in backend) == 3
        # Later than the database, or all would be dropped while it changes hands.
        assert "default-server fall 4" in backend


def test_the_api_knows_where_requests_come_from_and_no_client_says_so(secrets: Secrets) -> None:
    rendered = files_of(inventory(), secrets)
    frontend = sections(rendered["n1/root/etc/haproxy/haproxy.cfg"])["frontend api"]
    assert "option forwardfor" in frontend
    assert "http-request del-header X-Forwarded-Host" in frontend
    assert any(line.startswith("http-request set-header X-Forwarded-Proto ") for line in frontend)
    toml = tomllib.loads(rendered["n1/root/var/lib/fractus/fractus.toml"])
    assert toml["api"]["trust_forwarded"] is True


def test_statistics_are_not_on_the_vip_and_metrics_not_outside(secrets: Secrets) -> None:
    haproxy = sections(files_of(inventory(), secrets)["n1/root/etc/haproxy/haproxy.cfg"])
    binds = [line for line in haproxy["frontend statistics"] if line.startswith("bind")]
    assert binds == ["bind 127.0.0.1:8404", "bind 10.20.0.11:8404"]
    assert f"stats auth statistics:{secrets['statistics']}" in haproxy["frontend statistics"]
    assert "http-request deny deny_status 404 if { path /metrics }" in haproxy["frontend api"]


def test_the_vip_goes_where_haproxy_answers_and_does_not_come_back_by_itself(secrets: Secrets) -> None:
    rendered = files_of(inventory(), secrets)
    for name, peer in (("n1", "10.20.0.12"), ("n2", "10.20.0.11")):
        text = rendered[f"{name}/root/etc/keepalived/keepalived.conf"]
        assert "state BACKUP" in text
        assert "nopreempt" in text
        assert re.search(r"unicast_peer \{\n\s+" + re.escape(peer) + r"\n\s+\}", text)
        assert re.search(r"track_script \{\n\s+haproxy_answers\n\s+haproxy_reaches\n", text)
        assert "10.20.0.10/24 dev eth0" in text
    priorities = [
        re.search(r"priority (\d+)", rendered[f"{n}/root/etc/keepalived/keepalived.conf"])
        for n in ("n1", "n2")
    ]
    assert len({found and found.group(1) for found in priorities}) == 2
    assert len(secrets["vrrp"]) == 8  # VRRP reads no more


def test_a_balancer_that_was_cut_off_leaves_the_vip_to_the_other_one(secrets: Secrets) -> None:
    """Cut off, each has the VIP; then the higher priority keeps it. Less than any other's is what reaches nothing."""
    rendered = files_of(inventory(), secrets)
    found = {}
    for name in ("n1", "n2"):
        text = rendered[f"{name}/root/etc/keepalived/keepalived.conf"]
        block = sections(text)["vrrp_script haproxy_reaches {"]
        assert 'script "/etc/keepalived/haproxy-reaches"' in block
        weight = next(int(line.split()[1]) for line in block if line.startswith("weight "))
        priority = re.search(r"priority (\d+)", text)
        assert priority is not None
        found[name] = int(priority[1]), weight
        assert "GET /reaches HTTP" in rendered[f"{name}/root/etc/keepalived/haproxy-reaches"]
        haproxy = sections(rendered[f"{name}/root/etc/haproxy/haproxy.cfg"])["frontend statistics"]
        assert "acl reaches nbsrv(database) gt 0" in haproxy
        assert haproxy.index("http-request return status 200 if { path /reaches } reaches") < haproxy.index(
            "http-request return status 503 if { path /reaches }"
        )
    for name, other in (("n1", "n2"), ("n2", "n1")):
        assert 0 < sum(found[name]) < found[other][0], "cut off, and back"
        assert (sum(found[name]) < sum(found[other])) == (found[name][0] < found[other][0]), (
            "both reach nothing"
        )


def test_galera_is_given_what_it_needs(secrets: Secrets) -> None:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(files_of(inventory(), secrets)["n2/root/etc/mysql/mariadb.conf.d/70-fractus.cnf"])
    assert parser["mariadbd"]["bind_address"] == "10.20.0.12"
    assert parser["mariadbd"]["binlog_format"] == "ROW"
    assert parser["mariadbd"]["innodb_autoinc_lock_mode"] == "2"
    assert parser["mariadbd"]["innodb_flush_log_at_trx_commit"] == "1"
    galera = parser["galera"]
    assert galera["wsrep_cluster_address"] == "gcomm://10.20.0.11,10.20.0.12,10.20.0.13"
    assert galera["wsrep_node_address"] == "10.20.0.12"
    options = dict(
        one.strip().split("=", 1) for one in galera["wsrep_provider_options"].strip('"').split(";")
    )
    assert options["socket.ssl_key"] == "/etc/fractus/tls/node.key"
    assert float(options["evs.suspect_timeout"].strip("PTS")) < float(
        options["evs.inactive_timeout"].strip("PTS")
    )
    assert parser["sst"]["encrypt"] == "3"


def test_idle_connections_are_closed_by_the_pools_then_haproxy_then_the_database(secrets: Secrets) -> None:
    rendered = files_of(inventory(), secrets)
    database, keystone = (configparser.ConfigParser(interpolation=None) for _ in range(2))
    database.read_string(rendered["n1/root/etc/mysql/mariadb.conf.d/70-fractus.cnf"])
    keystone.read_string(rendered["n1/root/etc/keystone/keystone.conf"])
    haproxy = sections(rendered["n1/root/etc/haproxy/haproxy.cfg"])
    [server] = [line for line in haproxy["backend database"] if line.startswith("timeout server")]
    closed_by_haproxy = int(server.split()[-1].rstrip("s"))
    assert int(keystone["database"]["connection_recycle_time"]) < closed_by_haproxy
    assert closed_by_haproxy < int(database["mariadbd"]["wait_timeout"])


def test_brokers_pause_in_a_minority_and_know_each_other(secrets: Secrets) -> None:
    text = files_of(inventory(), secrets)["n3/root/etc/rabbitmq/rabbitmq.conf"]
    assert "cluster_partition_handling = pause_minority" in text
    assert re.findall(r"nodes\.\d = (\S+)", text) == [f"rabbit@10.20.0.1{i}" for i in (1, 2, 3)]


def test_all_nodes_have_the_same_keys_and_cookie(secrets: Secrets) -> None:
    rendered = files_of(inventory(), secrets)
    for path in (
        "etc/keystone/fernet-keys/0",
        "etc/keystone/fernet-keys/1",
        "etc/keystone/credential-keys/1",
        "var/lib/fractus/vault.key",
        "var/lib/rabbitmq/.erlang.cookie",
    ):
        assert len({rendered[f"{node}/root/{path}"] for node in ("n1", "n2", "n3")}) == 1
    key = rendered["n1/root/etc/keystone/fernet-keys/0"]
    assert Fernet(key)
    assert key == key.strip()


def test_the_vault_key_is_one_that_fractus_takes(tmp_path: Path, secrets: Secrets) -> None:
    file = tmp_path / "vault.key"
    file.touch(mode=0o600)
    file.write_text(files_of(inventory(), secrets)["n1/root/var/lib/fractus/vault.key"])
    vault = Vault.load(file)
    assert vault.open(vault.seal({"a": 1})) == {"a": 1}


def test_a_new_signing_key_was_known_to_all_before_and_old_tokens_go_on(
    tmp_path: Path, secrets: Secrets
) -> None:
    place = tmp_path / "secrets.toml"
    staged, signing = secrets.fernet["0"], secrets.fernet["1"]
    secret.rotate_fernet(place)
    after = secret.read(place)
    assert after is not None
    assert after.fernet["2"] == staged
    assert after.fernet["1"] == signing
    assert after.fernet["0"] not in (staged, signing)
    assert after["database-fractus"] == secrets["database-fractus"]
    for _ in range(8):
        secret.rotate_fernet(place)
    last = secret.read(place)
    assert last is not None
    assert len(last.fernet) == 5
    assert sorted(map(int, last.fernet)) == [0, 7, 8, 9, 10]


def test_programs_read_what_is_rendered_for_them(secrets: Secrets) -> None:
    rendered = files_of(inventory(), secrets)
    toml = tomllib.loads(rendered["n2/root/var/lib/fractus/fractus.toml"])
    assert toml["api"]["host"] == "10.20.0.12"
    assert toml["api"]["public_endpoint"] == "https://10.20.0.10:8780"
    assert toml["keystone"]["url"] == "https://10.20.0.10:5000/v3"
    assert toml["store"]["url"] == f"mysql://fractus:{secrets['database-fractus']}@10.20.0.10:3306/fractus"
    assert len(toml["wake"]["url"].split()) == 3
    entry = yaml.safe_load(rendered["n2/root/etc/fractus/clouds.yaml"])["clouds"]["fractus-admin"]
    assert entry["auth"]["password"] == secrets["keystone-admin"]


def test_pacemaker_fences_before_it_moves_anything(tmp_path: Path) -> None:
    fence = {"agent": "fence_ipmilan", "options": {"ip": "10.30.0.1", "username": "admin"}}
    deployment = inventory(deployment={"variant": "pacemaker"}, node=nodes(3, fence=fence))
    place = tmp_path / "other.toml"
    secret.load_or_make(place, deployment)
    place.write_text(place.read_text().replace('"fence-n2" = ""', '"fence-n2" = "it\'s"'))
    rendered = files_of(deployment, secret.load_or_make(place, deployment))
    script = rendered["n1/root/etc/fractus/pacemaker.sh"]
    assert "stonith-enabled=true" in script
    assert "no-quorum-policy=stop" in script
    assert "password='it'\"'\"'s'" in script
    for name in ("n1", "n2", "n3"):
        assert f"pcs constraint location fence-{name} avoids {name}" in script
    assert "n1/root/etc/keepalived/keepalived.conf" not in rendered
    assert subprocess.run(["bash", "-n"], input=script, text=True).returncode == 0


def test_install_puts_every_file_in_place_with_its_mode(tmp_path: Path, secrets: Secrets) -> None:
    out, target = tmp_path / "out", tmp_path / "node"
    rendered = render.render(inventory(), secrets)
    render.write(out, rendered)
    (target / "etc/keystone/fernet-keys").mkdir(parents=True)
    (target / "etc/keystone/fernet-keys/17").write_text("an old key")
    owned = f"{os.getuid()}:{os.getgid()}"
    script = (out / "n1/install.sh").read_text()
    # Not everybody who runs tests is root: what is asked for is kept, but for the owner.
    (out / "n1/install.sh").write_text(re.sub(r"echo (\"\$1\"|root:root)", f"echo {owned}", script))
    for _ in range(2):
        subprocess.run(
            ["bash", str(out / "n1/install.sh")], env={**os.environ, "DESTDIR": str(target)}, check=True
        )
    put = {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()}
    assert put == {path.removeprefix("n1/root/") for path in rendered if path.startswith("n1/root/")}
    for path in ("etc/keystone/keystone.conf", "var/lib/fractus/fractus.toml", "etc/rabbitmq/rabbitmq.conf"):
        assert stat.S_IMODE((target / path).stat().st_mode) == 0o600
    assert stat.S_IMODE((target / "var/lib/rabbitmq/.erlang.cookie").stat().st_mode) == 0o400
    assert stat.S_IMODE((target / "etc/keepalived/haproxy-answers").stat().st_mode) == 0o755


def test_an_inventory_that_is_wrong_is_refused_with_a_sentence(tmp_path: Path) -> None:
    text = EXAMPLE.read_text()
    for old, new, said in (
        ('region = "fractus"', 'regoin = "fractus"', "regoin"),
        ('name = "n2"', 'name = "n1"', "two nodes are called n1"),
        ('address = "10.20.0.12"', 'address = "10.20.0.11"', "two nodes have the address"),
        ('network = "10.20.0.0/24"', 'network = "ten"', "is not a network"),
        ('"database", ', '"databse", ', "databse"),
        ("[vip]", "[vip", "not TOML"),
    ):
        place = tmp_path / "inventory.toml"
        assert old in text
        place.write_text(text.replace(old, new))
        with pytest.raises(InventoryError, match=re.escape(said)):
            load(place)


def test_fractus_itself_understands_its_settings(tmp_path: Path, secrets: Secrets) -> None:
    more = {"quota": {"unlimited": True}, "work": {"sweep_interval": 7.5}}
    rendered = files_of(inventory(settings=more), secrets)
    (tmp_path / "fractus.toml").write_text(rendered["n3/root/var/lib/fractus/fractus.toml"])
    found = load_settings(tmp_path, environ={})
    assert found.endpoint == "https://10.20.0.10:8780"
    assert found.store.url.startswith("mysql://fractus:")
    assert len(found.wake.url.split()) == 3
    assert found.auth.memcached == ["10.20.0.11:11211", "10.20.0.12:11211", "10.20.0.13:11211"]
    assert found.quota.unlimited is True
    assert found.work.sweep_interval == 7.5
