"""Logs and traces. A record's trace goes from the partner's POST through every topic to the mail.

A batch makes one span for each trace in it, not one for each event, and the context travels by hand in the events:
the asyncio instrumentation of aiokafka has open reports of leaking memory.
"""

import logging
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TextIO

import structlog
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanContext, SpanKind, TraceFlags

tracer = trace.get_tracer("tocsin")


def configure_logs(*, level: str, form: str) -> None:
    """JSON lines, or colours where a person is reading."""
    console = form == "console" or (form == "auto" and sys.stderr.isatty())
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if console else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(LossyStream(sys.stderr)),  # type: ignore[arg-type]  # write and flush
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")


class LossyStream:
    """Lines that can't be written are lost: work goes on when the disk of its log is full, or the log's reader gone."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def configure_traces(*, service: str, otlp_endpoint: str) -> None:
    """Traces always have ids; they leave the process only where an endpoint is set."""
    provider = TracerProvider(resource=Resource.create({"service.name": f"tocsin-{service}"}))
    if otlp_endpoint:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # only here: it takes 3 MB

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=otlp_endpoint)))
    trace.set_tracer_provider(provider)


def traceparent_of(span: Span) -> str:
    """W3C `traceparent` of a span."""
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def parent_context(traceparent: str) -> Context | None:
    """The context that `traceparent` names, or None where it is missing or malformed."""
    parts = traceparent.split("-")
    if [len(part) for part in parts] != [2, 32, 16, 2]:
        return None
    try:
        remote = SpanContext(
            int(parts[1], 16), int(parts[2], 16), is_remote=True, trace_flags=TraceFlags(int(parts[3], 16))
        )
    except ValueError:
        return None
    return trace.set_span_in_context(trace.NonRecordingSpan(remote)) if remote.is_valid else None


class BatchTrace:
    """The spans of one batch: one for each trace that its events belong to."""

    def __init__(self, spans: Mapping[str, Span]) -> None:
        self._traceparents = {trace_id: traceparent_of(span) for trace_id, span in spans.items()}

    def continued(self, traceparent: str) -> str:
        """The same trace, with this batch's span as the parent of what comes next."""
        return self._traceparents.get(traceparent[3:35], traceparent)


@contextmanager
def batch_trace(name: str, traceparents: Iterable[str]) -> Iterator[BatchTrace]:
    """Open a span in every trace of the batch, linked to one another, and close them together."""
    first_of = {traceparent[3:35]: traceparent for traceparent in traceparents if traceparent}
    spans: dict[str, Span] = {}
    for trace_id, traceparent in first_of.items():
        links = [trace.Link(span.get_span_context()) for span in list(spans.values())[:8]]
        spans[trace_id] = tracer.start_span(
            name, context=parent_context(traceparent), kind=SpanKind.CONSUMER, links=links
        )
    try:
        yield BatchTrace(spans)
    finally:
        for span in spans.values():
            span.end()
