"""What the gateway tells about itself: traces (OTLP), metrics (Prometheus), logs (JSON lines), all redacted.

A part of the gateway adds what it saw to the call's record, or calls one plain method of `Metrics`; it knows nothing of
spans, families or processors. Telemetry wraps a call from outside: it never changes an answer and never delays one.
"""
