"""The telemetry of a process, as the settings say."""

from gateway.settings import Settings
from gateway.telemetry.calls import Telemetry, TelemetrySettings


def open_telemetry(settings: Settings, lock: int | None = None) -> Telemetry:
    """Telemetry that also logs what nobody caught; `lock` as in `TelemetrySettings.log_lock`."""
    said = settings.telemetry
    telemetry = Telemetry(
        TelemetrySettings(
            service_name=said.service_name,
            endpoint=said.otlp_endpoint,
            authority=str(said.otlp_ca) if said.otlp_ca is not None else None,
            ratio=said.ratio,
            trust_traceparent=said.trust_traceparent,
            log_level=said.log_level,
            log_format=said.log_format,
            log_lock=lock,
        )
    )
    telemetry.report_uncaught()
    return telemetry
