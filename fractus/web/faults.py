"""From a meaning to an HTTP status and to each service's own words.

This is the only place of the API where HTTP numbers of errors are written. The bodies are what Nova 34, Neutron 29 and
Glance 33 answer, down to the markup that Glance gets from WebOb, for clients take them apart.
"""

from __future__ import annotations

import html
import http
import re
from collections.abc import Callable
from typing import Any, TypeAlias

from fractus.model.errors import (
    ApiError,
    BodyTimeout,
    Conflict,
    Forbidden,
    Invalid,
    NotAcceptable,
    NotAllowed,
    NotFound,
    NotSupported,
    PreconditionFailed,
    QuotaExceeded,
    StorageFull,
    TooLarge,
    Unauthorized,
    Unavailable,
    Unimplemented,
    UnsupportedMedia,
)

#: `(error, status, request_id) -> body`: how a service words an error. `error` is None where something unexpected
#: happened, of which nothing may be revealed.
Envelope: TypeAlias = "Callable[[ApiError | None, int, str], dict[str, Any]]"

#: What real services say where they have nothing special to say (WebOb's own sentences).
NOT_FOUND = "The resource could not be found."
NOT_AUTHENTICATED = "The request you have made requires authentication."

_STATUS: dict[type[ApiError], int] = {
    Invalid: 400,
    NotSupported: 400,
    Unauthorized: 401,
    Forbidden: 403,
    QuotaExceeded: 403,
    NotFound: 404,
    NotAllowed: 405,
    NotAcceptable: 406,
    BodyTimeout: 408,
    Conflict: 409,
    PreconditionFailed: 412,
    TooLarge: 413,
    UnsupportedMedia: 415,
    Unimplemented: 501,
    Unavailable: 503,
    StorageFull: 507,
}


class RouteNotServed(NotSupported):
    """A route (or action) that the real service has and fractus does not serve."""


def status_of(error: ApiError | None, *, quota: int = 403, unserved: int = 501) -> int:
    """The HTTP status of an error; None (the unexpected) is 500.

    `quota`, `unserved`: the service's own for QuotaExceeded and RouteNotServed.
    """
    if error is None:
        return 500
    if isinstance(error, RouteNotServed):
        return unserved
    if isinstance(error, QuotaExceeded):
        return quota
    for kind in type(error).__mro__:
        status = _STATUS.get(kind)
        if status is not None:
            return status
    return 500


def reason(status: int) -> str:
    """`Not Found` of 404."""
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def keystone_unauthorized() -> dict[str, Any]:
    """What keystonemiddleware, in front of Nova, Neutron and Cinder, says without a valid token."""
    return {"error": {"code": 401, "title": "Unauthorized", "message": NOT_AUTHENTICATED}}


def plain(error: ApiError | None, status: int, request_id: str) -> dict[str, Any]:
    """For paths that belong to no service."""
    message = error.message if error is not None else _unexpected(request_id)
    return {"error": {"code": status, "title": reason(status), "message": message or reason(status)}}


def _unexpected(request_id: str) -> str:
    return f"Unexpected API Error. Please give the operator of this cloud the request id {request_id}."


# --- Nova and Cinder -----------------------------------------------------------------------------

_NOVA_NAMES = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    409: "conflictingRequest",
    413: "overLimit",
    415: "badMediaType",
    429: "overLimit",
    501: "notImplemented",
    503: "serviceUnavailable",
}


def nova(error: ApiError | None, status: int, request_id: str) -> dict[str, Any]:
    """`{"itemNotFound": {"code": 404, "message": ...}}`; Cinder's bodies are the same."""
    if isinstance(error, Unauthorized):
        return keystone_unauthorized()
    message = error.message if error is not None else _unexpected(request_id)
    return {_NOVA_NAMES.get(status, "computeFault"): {"code": status, "message": message or reason(status)}}


def nova_denied(rule: str) -> Forbidden:
    """Nova's sentence about a policy rule."""
    return Forbidden(f"Policy doesn't allow {rule} to be performed.")


def nova_project_mismatch(given: str, own: str) -> str:
    """Nova's sentence about a project id in a URL that is not the caller's."""
    return f"Malformed request URL: URL's project_id '{given}' doesn't match Context's project_id '{own}'"


def cinder_project_mismatch(given: str, own: str) -> str:
    """Cinder's sentence about a project id in a URL that is not the caller's; it names neither."""
    return "Malformed request url"


# --- Neutron -------------------------------------------------------------------------------------

_NEUTRON_TYPES = {
    400: "HTTPBadRequest",
    403: "NotAuthorized",
    404: "HTTPNotFound",
    405: "HTTPMethodNotAllowed",
    408: "HTTPRequestTimeout",
    406: "HTTPNotAcceptable",
    409: "Conflict",
    413: "HTTPRequestEntityTooLarge",
    415: "HTTPUnsupportedMediaType",
    500: "HTTPInternalServerError",
    501: "NotImplementedError",
    503: "ServiceUnavailable",
}


#: What WebOb says of most 4xx, and Neutron with it.
_WEBOB = "The server could not comply with the request since it is either malformed or otherwise incorrect."


def neutron(error: ApiError | None, status: int, request_id: str) -> dict[str, Any]:
    """`{"NeutronError": {"type": "NetworkNotFound", "message": ..., "detail": ""}}`."""
    if isinstance(error, Unauthorized):
        return keystone_unauthorized()
    if error is None:
        message = f"Request Failed: internal server error while processing your request ({request_id})."
        return {"NeutronError": {"type": "HTTPInternalServerError", "message": message, "detail": ""}}
    message = _WEBOB if isinstance(error, NotAllowed | NotAcceptable) else error.message
    key = "NotImplementedError" if status == 501 else "NeutronError"
    return {key: {"type": _neutron_type(error, status), "message": message, "detail": ""}}


def _neutron_type(error: ApiError, status: int) -> str:
    if error.type:
        return error.type
    if isinstance(error, QuotaExceeded):
        return "OverQuota"
    if isinstance(error, NotFound) and error.kind:
        return "".join(part.capitalize() for part in error.kind.split("_")) + "NotFound"
    return _NEUTRON_TYPES.get(status, "NeutronException")


def neutron_denied(rule: str) -> Forbidden:
    """Neutron's (oslo.policy's) sentence about a policy rule."""
    return Forbidden(f"rule:{rule} is disallowed by policy", type="PolicyNotAuthorized")


# --- Placement -----------------------------------------------------------------------------------

_EXPLAINED = {404: NOT_FOUND, 400: _WEBOB, 403: "Access was denied to this resource."}


def placement(error: ApiError | None, status: int, request_id: str) -> dict[str, Any]:
    """`{"errors": [{"status": 404, "title": "Not Found", "detail": ...}]}`, WebOb's explanation before the sentence."""
    if isinstance(error, Unauthorized):
        return keystone_unauthorized()
    message = error.message if error is not None else _unexpected(request_id)
    explained = _EXPLAINED.get(status, "")
    said = "" if message == explained else message
    return {
        "errors": [
            {
                "status": status,
                "title": reason(status),
                "detail": f"{explained}\n\n {said}  " if explained else message,
                "code": "placement.undefined_code",
                "request_id": request_id,
            }
        ]
    }


# --- Glance --------------------------------------------------------------------------------------

_GLANCE_UNEXPECTED = "The server has either erred or is incapable of performing the requested operation."
_GLANCE_UNAUTHORIZED = (
    "This server could not verify that you are authorized to access the document you requested. Either you supplied "
    "the wrong credentials (e.g., bad password), or your browser does not understand how to supply the credentials "
    "required."
)
_BREAK = "<br /><br />\n\n\n"


def glance(error: ApiError | None, status: int, request_id: str) -> dict[str, Any]:
    """`{"message": ..., "code": "404 Not Found", "title": "Not Found"}`, as WebOb words it for JSON."""
    del request_id  # Glance tells it in the header only
    if error is None:
        message = _GLANCE_UNEXPECTED
    elif isinstance(error, Unauthorized):
        message = _GLANCE_UNAUTHORIZED
    else:
        message = error.message
    title = reason(status)
    return {"message": f"{message}{_BREAK}", "code": f"{status} {title}", "title": title}


def glance_denied(rule: str) -> Forbidden:
    """Glance's sentence about a policy rule."""
    return Forbidden(f"You are not authorized to complete {rule} action.")


def webob_page(body: dict[str, Any], accept: str) -> tuple[str, bytes] | None:
    """An error of Glance for a client that did not ask for JSON: `(content type, bytes)`; None where it did.

    WebOb offers HTML before JSON, and plain text to those who name neither.
    """
    chosen = _best_offer(accept)
    if chosen == "application/json":
        return None
    message = body["message"].removesuffix(_BREAK)
    if chosen == "text/html":
        inner = f"{html.escape(message)}{_BREAK}"
        page = (
            f"<html>\n <head>\n  <title>{body['code']}</title>\n </head>\n <body>\n"
            f"  <h1>{body['code']}</h1>\n  {inner}\n </body>\n</html>"
        )
        return "text/html; charset=UTF-8", page.encode()
    return "text/plain; charset=UTF-8", f"{body['code']}\n\n{message}\n\n   ".encode()


_JSON = "application/json"
_MEDIA_RANGE = re.compile(r"\s*[\w!#$&^.+*-]+/[\w!#$&^.+*-]+\s*\Z", re.ASCII)


def check_accept(accept: str) -> None:
    """`NotAcceptable` where an Accept header does not take JSON. One that is malformed takes everything (WebOb)."""
    if accept in ("", "*/*", _JSON) or accept.startswith(_JSON) or _quality(_JSON, accept) > 0:
        return
    ranges = [part.partition(";")[0] for part in accept.split(",") if part.strip()]
    if ranges and all(_MEDIA_RANGE.match(one) for one in ranges):
        raise NotAcceptable("The request accepts no JSON, and there is nothing else.")


def _best_offer(accept: str) -> str:
    best, best_quality = "", 0.0
    for offer in ("text/html", "application/json"):
        quality = _quality(offer, accept)
        if quality > best_quality:
            best, best_quality = offer, quality
    return best


def _quality(offer: str, accept: str) -> float:
    """The q-value of the most specific range of an Accept header that matches the offer, 0 where none does."""
    found = (0, 0.0)
    for part in accept.split(","):
        media, _, params = part.strip().partition(";")
        media = media.strip().lower()
        specific = {offer: 3, f"{offer.split('/')[0]}/*": 2, "*/*": 1}.get(media, 0)
        if specific > found[0]:
            match = re.search(r"q\s*=\s*([01](?:\.\d{0,3})?)", params)
            found = (specific, float(match[1]) if match else 1.0)
    return found[1]
