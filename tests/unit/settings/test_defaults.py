"""Every default quota and limit is the real service's own, but for those that are meant to differ."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import pytest

from fractus.services import compute
from fractus.services.compute.servers.api.access import ServerLimits
from fractus.services.compute.servers.schema import bodies
from fractus.services.image.images import schema as image_schema
from fractus.services.network.ports import schema as port_schema
from fractus.services.network.subnets import kind as subnets
from fractus.settings.sections import Quota
from fractus.web import paging

#: Written by tools/facts/defaults.py; `make real` compares it with the services as they are installed.
FACTS: dict[str, Any] = json.loads(
    (Path(__file__).parents[3] / "tools" / "facts" / "defaults.json").read_text()
)

#: Glance has no limits of these without Keystone's unified ones, so there is no default to compare with.
OURS = {"image_count_total", "image_size_total", "image_stage_total", "image_count_uploading"}


def test_every_default_quota_is_the_services_own() -> None:
    ours = Quota().given()
    assert {name: value for name, value in ours.items() if name not in OURS} == FACTS["quotas"]


def test_limits_of_single_servers_are_novas() -> None:
    limits, quotas = ServerLimits(), FACTS["quotas"]
    assert limits.page == FACTS["compute"]["max_limit"]
    assert compute.METADATA_ITEMS == limits.metadata == quotas["metadata_items"]
    assert limits.files == quotas["injected_files"]
    assert limits.file_bytes == quotas["injected_file_content_bytes"]
    assert limits.file_path == quotas["injected_file_path_bytes"]
    assert FACTS["compute"]["tags"] == bodies.MAX_TAGS


def test_limits_of_networks_are_neutrons() -> None:
    facts = FACTS["network"]
    assert facts["max_dns_nameservers"] == subnets.NAMESERVERS
    assert facts["max_subnet_host_routes"] == subnets.ROUTES
    assert facts["max_allowed_address_pair"] == port_schema.MOST_PAIRS
    assert facts["pagination_max_limit"] == "-1"
    assert _default(paging.neutron_paging, "max_limit") == 0, "no bound"


def test_limits_of_images_are_glances() -> None:
    facts = FACTS["image"]
    assert {facts[f"image_{what}_quota"] for what in ("member", "property", "tag")} == {image_schema.QUOTA}
    assert _default(paging.glance_paging, "default_limit") == facts["limit_param_default"]
    assert _default(paging.glance_paging, "max_limit") == facts["api_limit_max"]
    assert _default(paging.nova_paging, "max_limit") == FACTS["compute"]["max_limit"]


def _default(function: Any, name: str) -> Any:
    return inspect.signature(function).parameters[name].default


@pytest.mark.parametrize("name", sorted(name for name, limit in FACTS["quotas"].items() if limit > 0))
def test_nothing_is_unlimited_that_is_limited_there(name: str) -> None:
    assert Quota().given()[name] > 0
