// The door of the host that tests of components run on. No part of the product.
export { FakeContainer, FakeDocker } from './fake_docker.ts'
export { freePort } from './free_port.ts'
export { decoded, problemsOf, TestHost } from './host.ts'
export type { Written } from './host.ts'
export {
  attributesOf,
  exponentialMetric,
  exponentialPoint,
  gaugeMetric,
  histogramMetric,
  histogramPoint,
  metricsTreeOf,
  numberPoint,
  OtelSink,
  resourceMetrics,
  seconds,
  sumMetric,
} from './metric_trees.ts'
export { resourceSpans, spanOf, tracesTreeOf } from './span_trees.ts'
export type { SpanInput } from './span_trees.ts'
export { logOf, resourceLogs } from './log_trees.ts'
export type { LogInput } from './log_trees.ts'
export { pointLines } from './point_lines.ts'
export { eventually, hasProgram, isThere, Program, temporaryDirectory } from './programs.ts'
export { RealPrometheus } from './real_prometheus.ts'
