// Services of runit: supervise/status in each service's directory (runsv(8), src/runsv.c).
import { openSync, readSync, closeSync } from 'node:fs'
import type { CollectorDefinition } from '../collector.ts'
import { gauge } from '../families.ts'

const labels = ['service', 'supervisor']
const state = gauge('node_service_state', 'State of runit service.', labels)
const desired = gauge('node_service_desired_state', 'Desired state of runit service.', labels)
const normal = gauge('node_service_normal_state', 'Normal state of runit service.', labels)
const changed = gauge(
  'node_service_state_last_change_timestamp_seconds',
  'Unix timestamp of the last runit service state change.',
  labels,
)
const supervisor = 'runit'

const statusBytes = 20
const wantAt = 17
const stateAt = 19
/** TAI64 labels begin at 2^62 for 1970; runit's clock is 10 s ahead of UTC. */
const taiOffset = 4611686018427387914n

export const collector: CollectorDefinition = {
  name: 'runit',
  enabledByDefault: false,
  create(settings) {
    const directory = settings.runit.service_dir
    return {
      name: 'runit',
      collect(sink, files) {
        for (const service of files.list(directory)) {
          const supervise = `${directory}/${service}/supervise`
          const status = tryStatus(`${supervise}/status`)
          // No supervisor has been there, or it may not be read.
          if (status === undefined) continue
          sink.sample(state, status[stateAt] as number, service, supervisor)
          sink.sample(desired, status[wantAt] === 0x75 /* u */ ? 1 : 0, service, supervisor)
          sink.sample(changed, Number(status.readBigUInt64BE(0) - taiOffset), service, supervisor)
          sink.sample(normal, files.exists(`${supervise}/down`) ? 0 : 1, service, supervisor)
        }
      },
    }
  },
}

/** Time, nanoseconds, process, paused, wanted, terminating, state. */
function tryStatus(path: string): Buffer | undefined {
  try {
    const descriptor = openSync(path, 'r')
    try {
      const status = Buffer.alloc(statusBytes)
      return readSync(descriptor, status, 0, statusBytes, 0) === statusBytes ? status : undefined
    } finally {
      closeSync(descriptor)
    }
  } catch {
    return undefined
  }
}
