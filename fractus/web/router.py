"""Falcon's router, whose tree of paths is shared by all applications of a process that serve the same paths.

Finding out what a thousand paths have in common takes longer than everything else that an application is made of.
Simulations and tests make many applications, which differ only in what answers on those paths.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from falcon.routing import CompiledRouter, set_default_responders

_Converters = tuple[tuple[str, type], ...]


class _Nothing:
    """Stands in the tree for what answers: that is each application's own."""


@lru_cache(maxsize=8)
def _tree(templates: tuple[str, ...], converters: _Converters) -> CompiledRouter:
    tree = CompiledRouter()
    for name, converter in converters:
        tree.options.converters[name] = converter
    for template in templates:
        tree.add_route(template, _Nothing(), compile=template == templates[-1])
    return tree


class Router(CompiledRouter):
    """Takes the routes of one application. `complete()` must follow the last of them."""

    def __init__(self) -> None:
        """Without a route."""
        super().__init__()
        self._added: dict[str, tuple[object, Any]] = {}
        self._tree = _tree((), ())

    def add_route(self, uri_template: str, resource: object, **kwargs: Any) -> None:
        """See Falcon. A later one takes the place of an earlier one of the same template."""
        responders = self.map_http_methods(resource, **kwargs)
        self._require_coroutine_responders(responders)
        set_default_responders(responders, asgi=True)
        self._added[uri_template] = resource, responders

    def complete(self) -> None:
        """ValueError where routes contradict each other."""
        added = tuple(name for name in self.options.converters)
        self._tree = _tree(tuple(self._added), tuple((name, self.options.converters[name]) for name in added))

    def find(self, uri: str, req: Any = None) -> tuple[object, Any, dict[str, Any], str | None] | None:
        """See Falcon."""
        found = self._tree.find(uri)
        if found is None:
            return None
        _, _, params, template = found
        resource, responders = self._added[template]  # type: ignore[index]
        return resource, responders, params, template
