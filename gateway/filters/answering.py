"""Header fields that a filter owes to every answer, the problem included: the one place where they are added."""

from gateway.errors import GatewayError, GatewayFault
from gateway.exchange import CallNext, Exchange, Headers, Response


async def answer_with(headers: Headers, exchange: Exchange, call_next: CallNext) -> Response:
    """Goes on, and adds `headers` to what comes back: to the response, or to the failure that becomes a problem.

    An unforeseen exception becomes a GatewayFault here, since only that can carry the fields to the door.
    """
    try:
        response = await call_next(exchange)
    except GatewayError as error:
        error.headers += headers
        raise
    except Exception as error:
        raise GatewayFault(headers=headers) from error
    return Response(response.status, response.headers + headers, response.body)
