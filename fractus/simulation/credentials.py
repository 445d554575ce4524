"""Who logs in to simulated clouds: an administrator of each, with a password that its clouds.yaml holds."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import msgspec

from fractus.base.files import put
from fractus.simulation import IDENTITY
from fractus.simulation.plan import Plan


def entry(url: str, region: str, password: str) -> dict[str, Any]:
    """What stands in `clouds.yaml` for the cloud at `url`."""
    return {
        "auth": {
            "auth_url": f"{url}{IDENTITY}/v3",
            "username": "admin",
            "password": password,
            "project_name": "admin",
            "user_domain_name": "Default",
            "project_domain_name": "Default",
        },
        "region_name": region,
        "interface": "public",
        "identity_api_version": 3,
    }


def passwords(state: Path, plan: Plan) -> dict[int, str]:
    """The administrator's password of every cloud, made at the first start and kept where only its owner reads."""
    path = state / "passwords.json"
    try:
        kept: dict[str, str] = msgspec.json.decode(path.read_bytes())
    except FileNotFoundError:
        kept = {}
    lacking = [name for name in plan.numbers() if name not in kept]
    if lacking:
        # Only who starts the clouds comes here. Their processes read what is there, several at once.
        kept |= {name: secrets.token_urlsafe(24) for name in lacking}
        put(path, msgspec.json.encode(kept), mode=0o600)
    return {cloud: kept[name] for name, cloud in plan.numbers().items()}
