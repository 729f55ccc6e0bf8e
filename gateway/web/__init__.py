"""The doors: from bytes on a socket to an exchange, and from a response or a failure back to bytes.

Whatever comes in has one reading or is refused, whatever goes out that is not an answer of a route is a problem
(RFC 9457). aiohttp parses; its router, middlewares, request and response classes are not on the way.
"""
