"""Header fields that a filter owes to every answer, the problem included: the one place where they are added."""

from gateway.errors import GatewayError
from gateway.exchange import CallNext, Exchange, Headers, Response


async def answer_with(headers: Headers, exchange: Exchange, call_next: CallNext) -> Response:
    """Goes on, and adds `headers` to what comes back: to the response, or to the failure that becomes a problem.

    What is no GatewayError passes as it is: the door answers it with the ids that the record holds.
    """
    try:
        response = await call_next(exchange)
    except GatewayError as error:
        error.headers += headers
        raise
    return Response(response.status, response.headers + headers, response.body)
