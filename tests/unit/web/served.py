"""The toy service as a server loads it: `tests.unit.web.served:app`."""

from __future__ import annotations

from fractus.web.routing import Call, Reply
from tests.unit.web.toy import RULE, Story, build, compute, routes
from tests.unit.web.toy import route as a_route

story = Story()


async def told(call: Call) -> Reply:
    """What the handlers saw so far."""
    return Reply(
        body={
            "uploaded": len(story.uploaded),
            "finished": story.finished.is_set(),
            "broken": story.broken,
            "request_ids": sorted(story.request_ids),
        }
    )


app = build([compute(story, routes=[*routes(story), a_route("GET", "/told", told, rule=RULE)])]).app
