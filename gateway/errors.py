"""Every failure the gateway can tell, divided by who must act; each becomes one problem (RFC 9457) at the door.

    GatewayError
    ├── CallerError            the calling service must change its call            4xx, origin gateway
    │   ├── RequestInvalid         400  a header, parameter or body is malformed (names all of them)
    │   ├── PathRefused            400  the raw path has more than one reading
    │   ├── Unauthenticated        401  no, or no valid, certificate or token
    │   │   └── RequestSignatureRefused 401 the route wants the request signed, and it is not, or not by its caller
    │   ├── ScopeMissing           403  the token lacks a scope of the route
    │   ├── Forbidden              403  authenticated, but not for this
    │   ├── NotFound               404  no such route or resource (another tenant's looks the same)
    │   ├── MethodNotAllowed       405
    │   ├── NotAcceptable          406
    │   ├── BodyTooSlow            408
    │   ├── CursorExpired          410  a cursor past its time, or of an older mapping
    │   ├── BodyTooLarge           413
    │   ├── MediaTypeUnsupported   415
    │   ├── ExpectationFailed      417
    │   ├── RateLimited            429  a window of the policy is spent
    │   ├── HeadersTooLarge        431
    │   └── MethodUnknown          501
    ├── PsuError               the person whose account it is must act             403, origin bank or gateway
    │   ├── ConsentMissing         the consent does not cover this call
    │   ├── ConsentExpired         the consent has ended
    │   └── AuthenticationDue      the bank wants strong customer authentication again
    ├── BankError              the bank must act, or time must pass                origin bank
    │   ├── BankRefused            422  understood and refused; repeating changes nothing
    │   │   └── BankResourceUnknown 404 the account is not known there (any more)
    │   ├── BankMisconfigured      502  the bank does not accept our credentials, certificate or role
    │   ├── BankLimited            429  the bank's own limit; wait
    │   ├── BankUnreachable        503  nothing was sent: may be repeated
    │   ├── BankFailed             502  the bank answered with a failure of its own
    │   ├── BankTimedOut           504  the outcome is unknown: a write is never repeated blindly
    │   └── BankNonsense           502  the bank's answer can not be read
    │       └── BankSignatureRefused 502 the bank's answer is not signed as its file says, or its signature fails
    └── GatewayFault           we must act                                         5xx, origin gateway
        ├── DeadlineExceeded       504  the route's deadline ended before a bank was asked
        ├── Overloaded             503  a bound of the gateway is reached; nothing was sent
        ├── KeysUnavailable        503  the keys that verify tokens can not be had; nothing was sent
        ├── SigningUnavailable     503  no key of ours is valid to sign with; nothing was sent
        ├── StoreUnavailable       503  what the gateway's processes share can not be asked; nothing was sent
        ├── UpstreamUnreachable    503  a plain upstream: nothing was sent, may be repeated
        ├── UpstreamTimedOut       504  a plain upstream: sent, and the outcome is unknown
        └── UpstreamNonsense       502  a plain upstream's answer can not be read

Messages are for the reader of a problem: they never hold a secret, a token, an account number or a bank's text.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Literal

Origin = Literal["gateway", "bank"]


class GatewayError(Exception):
    """Base of all failures that become a problem.

    `code` is stable and unique; `status` is HTTP's; `safe_to_repeat` says whether sending the same call again can do
    nothing twice. `detail` is one sentence for a person; `members` are extension members of the problem (RFC 9457
    section 3.2); `headers` go out with it, and so does what `seal` makes of the problem's status and bytes: who must
    sign every answer sets it, and the door calls it once the problem is written.
    """

    code: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]
    origin: Origin = "gateway"
    safe_to_repeat: ClassVar[bool] = True
    seal: Callable[[int, bytes], tuple[tuple[str, str], ...]] | None = None

    def __init__(
        self,
        detail: str | None = None,
        *,
        headers: tuple[tuple[str, str], ...] = (),
        **members: Any,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.headers = headers
        self.members: Mapping[str, Any] = members

    @property
    def type_uri(self) -> str:
        """The problem's `type`: stable, compared as a string (RFC 9457 section 3.1.1)."""
        return f"urn:bank-gateway:problem:{self.code}"


class CallerError(GatewayError):
    """The calling service must change its call."""


class RequestInvalid(CallerError):
    """Malformed header, parameter or body; `errors` lists all of them as {"name", "in", "message"}."""

    code, status, title = "request_invalid", 400, "The request is malformed"


class PathRefused(CallerError):
    """The raw path could be read in more than one way (RFC 3986 section 6)."""

    code, status, title = "path_refused", 400, "The path is not in its one canonical form"


class Unauthenticated(CallerError):
    """No, or no valid, client certificate or access token (RFC 6750 section 3.1, RFC 8705 section 3)."""

    code, status, title = "unauthenticated", 401, "The caller is not authenticated"


class RequestSignatureRefused(Unauthenticated):
    """The request is not signed as the route asks, or not by its caller; `Accept-Signature` says what is asked."""

    code, status, title = "signature_refused", 401, "The request is not signed as this route asks"


class ScopeMissing(CallerError):
    """The token lacks a scope (RFC 6750 section 3.1 `insufficient_scope`)."""

    code, status, title = "insufficient_scope", 403, "The token lacks a scope that this route needs"


class Forbidden(CallerError):
    """Authenticated, but this caller may not do this."""

    code, status, title = "forbidden", 403, "This caller may not do this"


class NotFound(CallerError):
    """No such route or resource; a resource of another tenant is answered the same way."""

    code, status, title = "not_found", 404, "There is no such resource"


class MethodNotAllowed(CallerError):
    """The path exists, the method does not; `Allow` lists those that do (RFC 9110 section 15.5.6)."""

    code, status, title = "method_not_allowed", 405, "The resource does not take this method"


class NotAcceptable(CallerError):
    """The `Accept` header excludes what the gateway serves."""

    code, status, title = "not_acceptable", 406, "The answer would be JSON, which the caller does not accept"


class BodyTooSlow(CallerError):
    """The body comes too slowly, or not at all (RFC 9110 section 15.5.9)."""

    code, status, title = "body_too_slow", 408, "The body comes too slowly"


class CursorExpired(CallerError):
    """A cursor past its time, of other files, or not ours: start the list again."""

    code, status, title = "cursor_expired", 410, "The cursor can no longer be used"


class BodyTooLarge(CallerError):
    """The body exceeds the route's limit."""

    code, status, title = "body_too_large", 413, "The body is larger than this route takes"


class MediaTypeUnsupported(CallerError):
    """The body is not in a media type, or content coding, that the route takes."""

    code, status, title = "media_type_unsupported", 415, "The body's media type is not supported"


class ExpectationFailed(CallerError):
    """An `Expect` other than 100-continue (RFC 9110 section 10.1.1)."""

    code, status, title = "expectation_failed", 417, "The expectation can not be met"


class RateLimited(CallerError):
    """A window of the policy is spent; `Retry-After` says for how long."""

    code, status, title = "rate_limited", 429, "The rate limit is reached"

    @property
    def type_uri(self) -> str:
        """The registered type for spent quotas (RateLimit header fields draft)."""
        return "https://iana.org/assignments/http-problem-types#quota-exceeded"


class HeadersTooLarge(CallerError):
    """The header section exceeds a limit (RFC 6585 section 5)."""

    code, status, title = "headers_too_large", 431, "The header section is too large"


class MethodUnknown(CallerError):
    """A method that the gateway does not know (RFC 9110 section 15.6.2)."""

    code, status, title = "method_unknown", 501, "The method is not known here"


class PsuError(GatewayError):
    """The person whose account it is must act; repeating the call changes nothing before that."""

    status = 403
    origin: Origin = "bank"


class ConsentMissing(PsuError):
    """The consent does not cover this account or kind of data."""

    code, title = "consent_insufficient", "The consent does not cover this"


class ConsentExpired(PsuError):
    """The consent has ended: expired, revoked or rejected."""

    code, title = "consent_expired", "The consent has ended"


class AuthenticationDue(PsuError):
    """The bank asks for strong customer authentication before it answers."""

    code, title = "authentication_due", "The bank asks the person to authenticate again"


class BankError(GatewayError):
    """The bank must act, or time must pass."""

    origin: Origin = "bank"


class BankRefused(BankError):
    """The bank understood the request and refused it; `bank_status` and `bank_code` say how."""

    code, status, title = "bank_refused", 422, "The bank refused the request"


class BankResourceUnknown(BankRefused):
    """The bank does not know the account (any more)."""

    code, status, title = "bank_resource_unknown", 404, "The bank does not know the resource"


class BankMisconfigured(BankError):
    """The bank does not accept our credentials, certificate, role or request form: an operator must act."""

    code, status, title = "bank_misconfigured", 502, "The bank does not accept the gateway's credentials"


class BankLimited(BankError):
    """The bank's own limit is reached; `Retry-After` is the bank's where it gave one."""

    code, status, title = "bank_limited", 429, "The bank's limit is reached"


class BankUnreachable(BankError):
    """No byte of the request was sent (refused connection, failed handshake, open circuit)."""

    code, status, title = "bank_unreachable", 503, "The bank can not be reached"


class BankFailed(BankError):
    """The bank answered with a failure of its own (5xx)."""

    code, status, title = "bank_failed", 502, "The bank failed"


class BankTimedOut(BankError):
    """The request was sent and no whole answer came: the outcome is unknown."""

    code, status, title = "bank_timed_out", 504, "The bank did not answer in time"
    safe_to_repeat = False


class BankNonsense(BankError):
    """The bank's answer can not be read as its dialect says."""

    code, status, title = "bank_nonsense", 502, "The bank's answer can not be read"


class BankSignatureRefused(BankNonsense):
    """The bank's answer lacks the signature that its file asks for, or the signature fails: nothing of it was read."""

    code, status, title = "bank_signature_refused", 502, "The bank's answer is not signed by the bank"


class GatewayFault(GatewayError):
    """We must act."""

    code, status, title = "gateway_fault", 500, "The gateway failed"
    safe_to_repeat = False


class DeadlineExceeded(GatewayFault):
    """The route's deadline ended before anything was sent to a bank."""

    code, status, title = "deadline_exceeded", 504, "The deadline of this route has passed"
    safe_to_repeat = True


class Overloaded(GatewayFault):
    """A bound of the gateway is reached; nothing was sent."""

    code, status, title = "overloaded", 503, "The gateway is at its limit"
    safe_to_repeat = True


class KeysUnavailable(GatewayFault):
    """The issuer's key set can not be fetched and what was held is too old: no token can be judged."""

    code, status, title = "keys_unavailable", 503, "Access tokens can not be verified at the moment"
    safe_to_repeat = True


class SigningUnavailable(GatewayFault):
    """No key of ours is valid at the moment to sign what must be signed; nothing was sent."""

    code, status, title = "signing_unavailable", 503, "Messages can not be signed at the moment"
    safe_to_repeat = True


class StoreUnavailable(GatewayFault):
    """What all processes share (counts, what was seen once) can not be asked, and this may not be done without it."""

    code, status, title = "store_unavailable", 503, "What the gateway counts on can not be asked at the moment"
    safe_to_repeat = True


class UpstreamUnreachable(GatewayFault):
    """No byte of the request reached the plain upstream (refused connection, failed handshake)."""

    code, status, title = "upstream_unreachable", 503, "The upstream can not be reached"
    safe_to_repeat = True


class UpstreamTimedOut(GatewayFault):
    """The request was sent to the plain upstream and no whole answer came: the outcome is unknown."""

    code, status, title = "upstream_timed_out", 504, "The upstream did not answer in time"


class UpstreamNonsense(GatewayFault):
    """The plain upstream's answer is not HTTP that can be handed on."""

    code, status, title = "upstream_nonsense", 502, "The upstream's answer can not be read"


def kinds(root: type[GatewayError] = GatewayError) -> Iterator[type[GatewayError]]:
    """Walks the tree above, leaves and inner nodes that have a code, in the order of definition."""
    for kind in root.__subclasses__():
        if "code" in kind.__dict__:
            yield kind
        yield from kinds(kind)
