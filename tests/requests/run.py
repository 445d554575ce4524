"""The command: sends the requests of all files, or of some, to a cloud, and reports the answers that differ.

    python -m tests.requests.run --os-cloud ENTRY [--clouds-yaml FILE] [network/networks ...]
    python -m tests.requests.run --endpoint URL --token TOKEN [--other-token TOKEN] [--admin-token TOKEN] [...]

With an administrator's entry of a `clouds.yaml` the requests go to that cloud, which may be a fractus; two projects are
created for them and removed at the end. With a URL and a token they go to the endpoint of a fractus; the project of the
token should be empty. Files that need a token which is not given, or a kind that is not served there, are left out.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx

from tests.requests import people
from tests.requests.files import Caller, Outcome, Place, RequestFile, every, run

_KEYSTONE = re.compile(r"""uri=['"]([^'"]+)['"]""")
_NEEDS = re.compile(r"\$ENVIRON\['(MEMBER|OTHER|ADMIN)_")


def main(arguments: Sequence[str]) -> int:
    """The number of files in which a request failed."""
    given = _parser().parse_args(arguments)
    unknown = set(given.files) - {str(file) for file in every()}
    if unknown:
        sys.exit(f"there is no file {', '.join(sorted(unknown))}; there are: {', '.join(map(str, every()))}")
    chosen = [file for file in every() if not given.files or str(file) in given.files]
    with _place(given) as place:
        return sum(not _report(file, place) for file in chosen)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.requests.run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--os-cloud", metavar="ENTRY", help="an administrator's entry of a clouds.yaml")
    where.add_argument("--endpoint", metavar="URL", help="the endpoint of a fractus")
    parser.add_argument("--clouds-yaml", type=Path, metavar="FILE", help="where the entry is")
    for role, whose in (("", "a member"), ("other-", "a member of another project"), ("admin-", "an admin")):
        parser.add_argument(f"--{role}token", metavar="TOKEN", help=f"of {whose}, with --endpoint")
    parser.add_argument("files", nargs="*", metavar="SERVICE/KIND", help="all files, unless some are named")
    return parser


@contextlib.contextmanager
def _place(given: argparse.Namespace) -> Iterator[Place]:
    if given.os_cloud:
        with people.made(given.os_cloud, given.clouds_yaml) as place:
            yield place
        return
    url = given.endpoint.rstrip("/")
    tokens = {"member": given.token, "other": given.other_token, "admin": given.admin_token}
    yield Place(
        endpoints={service: f"{url}/{service}" for service in ("network", "compute", "image")},
        callers={role: _caller(url, token) for role, token in tokens.items() if token},
    )


def _caller(url: str, token: str) -> Caller:
    """The owner of a token, from the Keystone that the refusal of a request without a token names."""
    refused = httpx.get(f"{url}/network/v2.0/networks")
    keystone = _KEYSTONE.search(refused.headers.get("www-authenticate", ""))
    if not keystone:
        sys.exit(f"{url} does not say where its Keystone is: is it the endpoint of a fractus?")
    both = {"X-Auth-Token": token, "X-Subject-Token": token}
    shown = httpx.get(f"{keystone.group(1).rstrip('/').removesuffix('/v3')}/v3/auth/tokens", headers=both)
    if shown.status_code != 200:
        sys.exit(f"Keystone does not take the token: {shown.text}")
    about = shown.json()["token"]
    return Caller(token, about["project"]["id"], about["user"]["id"])


def _is_served(url: str, place: Place) -> bool:
    """Whether a collection or an extension is served, as not every fractus does."""
    return httpx.get(url, headers={"X-Auth-Token": place.callers["member"].token}).status_code != 404


def _report(file: RequestFile, place: Place) -> bool:
    """Run one file and print the result; whether all requests were answered as expected."""
    needed = {found.lower() for found in _NEEDS.findall(file.path.read_text())}
    if missing := needed - place.callers.keys():
        print(f"{file}: left out, it needs the token of: {', '.join(sorted(missing))}")
        return True
    if absent := [
        path for path in file.unserved if not _is_served(f"{place.endpoints[file.service]}{path}", place)
    ]:
        print(f"{file}: left out, not served there: {', '.join(absent)}")
        return True
    began = time.monotonic()
    outcome: Outcome = run(file, place)
    took = time.monotonic() - began
    print(f"{file}: {outcome.requests} requests, {len(outcome.failed)} failed, {took:.1f} s")
    for one in outcome.failed:
        print(f"  {one}")
    return not outcome.failed


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)
