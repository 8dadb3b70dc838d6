"""Sends all signals with Python's SDK, or asks a server what it serves: python_sdk.py WHAT GRPC_ADDRESS HTTP_URL."""

import logging
import sys

import grpc

what, grpc_address, http_url = sys.argv[1:]


def exporters():
    protocol, _, compression = what.partition("-")
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        options = {
            "endpoint": grpc_address,
            "insecure": True,
            "compression": grpc.Compression.Gzip if compression else grpc.Compression.NoCompression,
        }
        return OTLPSpanExporter(**options), OTLPLogExporter(**options), OTLPMetricExporter(**options)
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    kind = Compression(compression or "none")
    return (
        OTLPSpanExporter(endpoint=http_url + "/v1/traces", compression=kind),
        OTLPLogExporter(endpoint=http_url + "/v1/logs", compression=kind),
        OTLPMetricExporter(endpoint=http_url + "/v1/metrics", compression=kind),
    )


def send():
    from opentelemetry._logs import LogRecord, SeverityNumber
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    spans, logs, metrics = exporters()
    tracer = TracerProvider()
    tracer.add_span_processor(BatchSpanProcessor(spans))
    for i in range(10):
        attributes = {"text": "käse", "number": 1.5, "many": [1, 2]}
        with tracer.get_tracer("lib", "1").start_as_current_span(f"span {i}", attributes=attributes) as span:
            span.add_event("event", {"of": i})
    tracer.shutdown()

    logger = LoggerProvider()
    logger.add_log_record_processor(BatchLogRecordProcessor(logs))
    logger.get_logger("lib").emit(
        LogRecord(body="a line", severity_number=SeverityNumber.INFO, attributes={"where": "here"})
    )
    logger.shutdown()

    meter = MeterProvider(metric_readers=[PeriodicExportingMetricReader(metrics)])
    meter.get_meter("lib").create_counter("count").add(3, {"a": "b"})
    meter.get_meter("lib").create_histogram("duration").record(1.5)
    meter.shutdown()


def reflection():
    from google.protobuf.descriptor_pool import DescriptorPool
    from grpc_health.v1 import health_pb2, health_pb2_grpc
    from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

    channel = grpc.insecure_channel(grpc_address)
    database = ProtoReflectionDescriptorDatabase(channel)
    print(*database.get_services())
    pool = DescriptorPool(database)
    service = pool.FindServiceByName("opentelemetry.proto.collector.logs.v1.LogsService")
    for method in service.methods:
        print(f"{method.name}(.{method.input_type.full_name})")
    span = pool.FindMessageTypeByName("opentelemetry.proto.trace.v1.Span")
    print(f"field {span.fields_by_name['status'].name} of {span.full_name}")
    for name in ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection", "grpc.health.v1.Health"):
        pool.FindServiceByName(name)
    answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=""))
    print("health", answer.status)


logging.basicConfig(level=logging.ERROR)
reflection() if what == "reflection" else send()
