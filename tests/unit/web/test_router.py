"""Routes that several applications of one process have, each with answers of its own."""

from __future__ import annotations

from typing import Any

import falcon.asgi
import pytest
from falcon.routing import CompiledRouter

from fractus.testing import asgi
from fractus.web.router import Router

PATHS = ("/things", "/things/{id}", "/things/{id}/parts/{part}", "/")


class Answers:
    def __init__(self, words: str) -> None:
        self.words = words

    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, **params: str) -> None:
        resp.media = [self.words, params]


def application(words: str, router: CompiledRouter, paths: tuple[str, ...] = PATHS) -> Any:
    app = falcon.asgi.App(router=router)  # type: ignore[var-annotated]
    for path in paths:
        app.add_route(path, Answers(f"{words} {path}"))
    if isinstance(router, Router):
        router.complete()
    return app


async def test_it_answers_as_falcons_own() -> None:
    ours, plain = application("a", Router()), application("a", CompiledRouter())
    for method in ("GET", "POST", "OPTIONS", "HEAD"):
        for path in ("/", "/things", "/things/7", "/things/7/parts/8", "/things/7/parts", "/else"):
            one, other = [await asgi.call(app, method, path) for app in (ours, plain)]
            assert (one.status, one.body, one.headers.get("allow")) == (
                other.status, other.body, other.headers.get("allow"),
            ), (method, path)  # fmt: skip


async def test_applications_with_the_same_paths_share_their_tree_and_nothing_else() -> None:
    routers = [Router(), Router(), Router()]
    one, two, third = (
        application("one", routers[0]), application("two", routers[1]), application("three", routers[2], PATHS[:2]),
    )  # fmt: skip
    assert routers[0]._tree is routers[1]._tree is not routers[2]._tree
    assert (await asgi.call(one, "GET", "/things/7")).json == ["one /things/{id}", {"id": "7"}]
    assert (await asgi.call(two, "GET", "/things/7")).json == ["two /things/{id}", {"id": "7"}]
    assert (await asgi.call(third, "GET", "/things/7/parts/8")).status == 404


@pytest.mark.parametrize("contradicts", ["/things/{number}/parts", "/things/{id:int}"])
def test_routes_that_contradict_each_other_are_refused_before_anybody_asks(contradicts: str) -> None:
    with pytest.raises(ValueError, match="conflicts"):
        application("a", Router(), (*PATHS, contradicts))


def test_a_responder_that_would_hold_the_loop_is_refused() -> None:
    class Holds:
        def on_get(self, _req: Any, _resp: Any) -> None:
            """Not asynchronous."""

    with pytest.raises(TypeError):
        Router().add_route("/x", Holds())
