"""Every outside change that there is: read from the drivers, so that a new one without a story is missed."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from typing import Any

from fractus.base.clock import SystemClock
from fractus.base.ids import new_request_id
from fractus.clouds.openstack import OpenStackCloud
from fractus.clouds.simulated.cloud import SimulatedCloud
from fractus.model.cloud import Cloud, CloudRow
from fractus.testing.clock import VirtualClock


def clouds() -> list[Cloud]:
    """One of each driver, connected to nothing."""
    auth = {"auth_url": "http://127.0.0.1:1/v3", "username": "u", "password": "p", "project_name": "p"}
    row = CloudRow(name="a", driver="openstack", auth={"auth": auth})
    return [
        SimulatedCloud.connect(CloudRow(name="a", driver="simulated"), clock=VirtualClock()),
        OpenStackCloud.connect(row, clock=SystemClock(), request_id=new_request_id),
    ]


def changes(cloud: Cloud) -> set[tuple[str, str]]:
    """(kind, method) of all that this driver can change in a cloud; of `apply` with its verb."""
    found = set()
    for kind, actuator in cloud.actuators().items():
        found |= {(kind, "create"), (kind, "delete")}
        found |= {(kind, f"apply {verb}") for verb in verbs(type(actuator))}
    return found


def verbs(actuator: type[Any]) -> set[str]:
    """What a class holds its step's verb against, in whichever of its methods, and the rows of a table that it holds as
    `verbs`; what it does not say, its base says.
    """
    for one in actuator.__mro__:
        if one.__module__.startswith("fractus."):
            module = ast.parse(inspect.getsource(inspect.getmodule(one)))  # type: ignore[arg-type]
            tree = next(n for n in ast.walk(module) if isinstance(n, ast.ClassDef) and n.name == one.__name__)
            if found := set(_verbs_in(tree)) | set(vars(one).get("verbs", ())):
                return found
    return set()


def _verbs_in(tree: ast.ClassDef) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Match) and _is_verb(node.subject):
            for case in node.cases:
                yield from _texts(case.pattern)
        elif isinstance(node, ast.Compare) and _is_verb(node.left):
            for other in node.comparators:
                yield from _texts(other)


def _is_verb(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "verb"


def _texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
