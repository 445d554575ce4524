"""What can go wrong, in two closed sets.

`ApiError` and below: what a user is answered. Each has a public sentence and a meaning; `fractus.web.faults` alone
turns meanings into HTTP statuses and into each service's own envelope.

    ApiError
      Invalid            the request is wrong (400)
      Unauthorized       no valid token (401)
      Forbidden          known, but not allowed (403)
      NotFound           not there, or not yours (404)
      NotAllowed         the path has no such method (405)
      NotAcceptable      no such version (406)
      BodyTimeout        the body did not arrive in time (408)
      Conflict           clashes with what is there (409)
      PreconditionFailed is no longer what the caller saw last (412)
      TooLarge           the body is larger than allowed (413)
      UnsupportedMedia   a body of the wrong type (415)
      QuotaExceeded      no quota left (403 in compute, 409 in network)
      NotSupported       a real OpenStack route or option that fractus does not serve (501 for routes, 400 for options)
      StorageFull        there is no room for the bits that are sent (507, with Retry-After)
      Unavailable        a live read did not reach the child in time (503)
        ReadOnly         writes are refused for now, by an operator (503, with Retry-After)
        Busy             the database, or this node, cannot take it now (503, with Retry-After)
          NoSpace        ... for want of disk (503, with Retry-After)

`CloudError` and below: what a driver says of a child. Drivers translate at their edge and chain the cause.

    CloudError
      Missing              the thing is not there
      Refused              the child understood and said no; `elsewhere` where another cloud might say yes
      Throttled            come back `after` seconds
      Unreachable          surely not done: the call never left, or the child was not there
      OutcomeUnknown       the call left, the answer did not come: done or not done
      CredentialsRejected  the child does not know us any more
"""

from __future__ import annotations


class ApiError(Exception):
    """An answer other than the one hoped for. `message` is public.

    `kind` names the noun it is about (`"network"`), `type` the service's own name of the error where it has one
    (Neutron's `"NetworkNotFound"`).
    """

    def __init__(self, message: str, *, kind: str = "", type: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.type = type


class Invalid(ApiError):
    """The request is wrong."""


class Unauthorized(ApiError):
    """No valid token."""


class Forbidden(ApiError):
    """The caller may know of it, but may not do this."""


class NotFound(ApiError):
    """Not there, or not the caller's to know of."""


class NotAllowed(ApiError):
    """The path has no such method."""


class NotAcceptable(ApiError):
    """The asked microversion is not served."""


class BodyTimeout(ApiError):
    """The body of the request did not arrive in time. The connection cannot be used for another one."""


class Conflict(ApiError):
    """The request clashes with what is there."""


class PreconditionFailed(ApiError):
    """What is there is no longer what the caller saw last."""


class TooLarge(ApiError):
    """The body is larger than allowed."""


class UnsupportedMedia(ApiError):
    """The body is of a type that this route does not read."""


class QuotaExceeded(ApiError):
    """No quota left."""


class NotSupported(ApiError):
    """Part of OpenStack, not served by fractus."""


class Unimplemented(ApiError):
    """What the real service itself does not do either."""


class StorageFull(ApiError):
    """No room for the bits that are sent: nothing of them is kept, come back in `retry_after` seconds."""

    retry_after = 30


class Unavailable(ApiError):
    """A live read did not reach the child in time."""


class ReadOnly(Unavailable):
    """An operator has all writes refused for now. `retry_after` in seconds: when to ask again."""

    def __init__(self, message: str, *, retry_after: int = 60) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Busy(Unavailable):
    """The database, or this node, could not take the request now: nothing was written, come back in `retry_after`
    seconds.
    """

    retry_after = 2


class NoSpace(Busy):
    """Nothing can be written for want of disk: that takes longer to mend."""

    retry_after = 30


class CloudError(Exception):
    """A child did not do as asked. `reason` is the child's own sentence where it gave one."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Missing(CloudError):
    """The thing is not there."""


class Refused(CloudError):
    """The child said no. `elsewhere`: another cloud may say yes (quota, capacity, no such ability)."""

    def __init__(self, reason: str, *, status: int = 0, elsewhere: bool = False) -> None:
        super().__init__(reason)
        self.status = status
        self.elsewhere = elsewhere


class Throttled(CloudError):
    """Too fast, or the child is in trouble (429, 503): nothing was done; come back `after` seconds."""

    def __init__(self, reason: str, *, after: float = 1.0) -> None:
        super().__init__(reason)
        self.after = after


class Unreachable(CloudError):
    """Surely not done: no connection, or the breaker of this cloud is open."""


class OutcomeUnknown(CloudError):
    """The call left and no (whole) answer came. Look before repeating (law 1)."""


class CredentialsRejected(CloudError):
    """The child refuses our credential."""


class Unfit(Exception):
    """The database and this version do not go together; the message is a sentence for the operator."""
