"""The OpenAPI 3.1 document of what is served, and of nothing else: from the route table and the contract's schemas.

A route's operation says what it takes and answers; each of its filters adds what a caller meets in it: parameters,
response headers, problems, security. Plain upstream routes are another product's contract and are left out.
"""

from gateway.openapi.document import Served, document, openapi_bytes

__all__ = ["Served", "document", "openapi_bytes"]
