"""The programs themselves say whether they can read what is rendered for them; where one is not installed, no test."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from fractus.deploy import render, secret
from tests.unit.deploy.inventories import inventory

PLAIN = {"endpoint": "", "ca": "", "certificate": "", "key": ""}  # certificates would have to exist


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("rendered")
    deployment = inventory(tls=PLAIN)
    secrets = secret.load_or_make(out / "secrets.toml", deployment)
    render.write(out / "nodes", render.render(deployment, secrets))
    return out / "nodes"


def run(*argv: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in argv],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environ},
    )


def needs(program: str) -> pytest.MarkDecorator:
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    return pytest.mark.skipif(shutil.which(program, path=path) is None, reason=f"{program} is not installed")


@needs("haproxy")
def test_haproxy_reads_its_file(rendered: Path) -> None:
    for node in ("n1", "n2"):
        done = run("/usr/sbin/haproxy", "-c", "-f", rendered / node / "root/etc/haproxy/haproxy.cfg")
        assert done.returncode == 0, done.stderr
        assert "WARNING" not in done.stderr, done.stderr


@needs("mariadbd")
def test_mariadb_knows_every_option(rendered: Path) -> None:
    file = rendered / "n1/root/etc/mysql/mariadb.conf.d/70-fractus.cnf"
    wanted = set(re.findall(r"^(\w+) =", file.read_text(), re.MULTILINE))
    done = run("/usr/sbin/mariadbd", f"--defaults-file={file}", "--help", "--verbose")
    assert done.returncode == 0, done.stderr
    assert "unknown" not in done.stderr
    shown = dict(re.findall(r"^([\w-]+)\s+(\S.*)$", done.stdout, re.MULTILINE))
    assert shown["wsrep-cluster-name"] == "fractus"
    assert shown["bind-address"] == "10.20.0.11"
    assert [name for name in wanted if f"--{name.replace('_', '-')}" not in done.stdout] == []


@needs("keepalived")
def test_keepalived_reads_its_file(rendered: Path, tmp_path: Path) -> None:
    # The interface and the script are those of a node: one of this machine and no script stand in for them.
    interfaces = sorted(path.name for path in Path("/sys/class/net").iterdir() if path.name != "lo")
    if not interfaces:
        pytest.skip("no interface but loopback, which VRRP does not use")
    text = (rendered / "n1/root/etc/keepalived/keepalived.conf").read_text()
    text = text.replace("eth0", interfaces[0]).replace("/etc/keepalived/haproxy-answers", "/bin/true")
    text = text.replace("/etc/keepalived/haproxy-reaches", "/bin/true")
    (tmp_path / "keepalived.conf").write_text(text)
    done = run("/usr/sbin/keepalived", "-t", "-f", tmp_path / "keepalived.conf", "-l", "-n")
    assert done.returncode == 0, done.stdout + done.stderr


@needs("erl")
def test_erlang_reads_its_terms(rendered: Path) -> None:
    for name in ("advanced.config", "enabled_plugins"):
        file = rendered / "n1/root/etc/rabbitmq" / name
        read = f'case file:consult("{file}") of {{ok, [T]}} when is_list(T) -> halt(0);'
        code = f'{read} E -> io:format("~p", [E]), halt(1) end.'
        done = run("erl", "-noshell", "-boot", "start_clean", "-eval", code)
        assert done.returncode == 0, done.stdout


@needs("rabbitmq-server")
def test_rabbitmq_translates_its_file(rendered: Path, tmp_path: Path) -> None:
    home = next(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*"))
    paths = ", ".join(f'"{path}"' for path in (home / "plugins").glob("*/ebin"))
    schemas = tmp_path / "schema"
    schemas.mkdir()
    for schema in (home / "plugins").glob("*/priv/schema/*.schema"):
        shutil.copy(schema, schemas)
    conf = rendered / "n1/root/etc/rabbitmq/rabbitmq.conf"
    code = (
        f'code:add_pathsa([{paths}]), Files = filelib:wildcard("{schemas}/*.schema"), '
        f'Conf = cuttlefish_conf:file("{conf}"), '
        "case cuttlefish_generator:map(cuttlefish_schema:files(Files), Conf) of "
        '{error, _, E} -> io:format("~p", [E]), halt(1); '
        'Map -> io:format("~p", [Map]), halt(0) end.'
    )
    done = run("erl", "-noshell", "-boot", "start_clean", "-eval", code)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"cluster_partition_handling,\s*pause_minority", done.stdout)
    assert done.stdout.count("'rabbit@10.20.0.1") == 3


@needs("systemd-analyze")
def test_systemd_reads_its_units(rendered: Path, tmp_path: Path) -> None:
    # The interpreter of the deployment is not here: any program that exists stands in for it.
    found = list((rendered / "n1/root/etc/systemd/system").glob("*.service"))
    assert {path.name for path in found} == {
        "fractus-api.service",
        "fractus-worker.service",
        "fractus-keystone.service",
        "fractus-database-health.service",
    }
    for path in found:
        (tmp_path / path.name).write_text(path.read_text().replace("/opt/fractus/bin/python", "/bin/true"))
    done = run("systemd-analyze", "verify", "--man=no", *sorted(tmp_path.iterdir()))
    said = [line for line in done.stderr.splitlines() if str(tmp_path) in line or "fractus-" in line]
    assert not said, said


@needs("bash")
def test_scripts_are_scripts(rendered: Path) -> None:
    for path in rendered.rglob("*"):
        if path.is_file() and path.read_bytes().startswith(b"#!"):
            assert run("bash", "-n", path).returncode == 0
