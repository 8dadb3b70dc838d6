// The door of Docker: its API, and the logs of its containers.
export { checkDockerHost, DockerClient, DockerError } from './client.ts'
export type { ContainerDetails, ContainerSummary, DockerClientOptions, NetworkSummary } from './client.ts'
export { DockerLogParser, rfc3339Nanoseconds } from './log_stream.ts'
export type { DockerLogSink, LogStreamName } from './log_stream.ts'
