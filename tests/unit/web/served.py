"""The toy service as a server loads it: `tests.unit.web.served:app`."""

from __future__ import annotations

from fractus.web.routing import Call, Reply
from fractus.web.service import WebSettings
from tests.unit.web.toy import RULE, Story, build, compute, routes
from tests.unit.web.toy import route as a_route

story = Story()


async def reported(call: Call) -> Reply:
    """What the handlers saw so far."""
    return Reply(
        body={
            "uploaded": len(story.uploaded),
            "finished": story.finished.is_set(),
            "broken": story.broken,
            "late": story.late,
            "request_ids": sorted(story.request_ids),
        }
    )


_services = [compute(story, routes=[*routes(story), a_route("GET", "/reported", reported, rule=RULE)])]
app = build(_services).app
#: The same, with little time for bodies.
hurried = build(_services, WebSettings(body_idle_timeout=1.0, body_timeout=2.0)).app
