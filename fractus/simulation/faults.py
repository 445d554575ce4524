"""What can be wrong with a simulated cloud, on request."""

from __future__ import annotations

#: Name of a fault -> what the cloud does.
FAULTS = {
    "hang": "takes connections and requests and answers none; when it is well again it does what it was asked",
    "refuse": "nobody listens, connections are refused",
    "away": "every connection is cut without an answer",
    "error": "everything is answered 500",
    "busy": "everything is answered 503",
    "throttle": "everything is answered 429, with Retry-After",
    "slow": "everything takes five seconds longer",
    "none": "all is well",
}
