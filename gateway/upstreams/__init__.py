"""Plain upstream routes: what the caller sent goes on as it came, and the answer comes back as it was, both streamed.

The filters in front are those of every route. Path and query stay raw; only header fields that belong to one
connection, or that only the gateway may set, are taken out (`fields`). No redirect is followed and nothing decoded.
"""

from gateway.upstreams.upstream import Upstreams, UpstreamSettings, UpstreamTls

__all__ = ["UpstreamSettings", "UpstreamTls", "Upstreams"]
