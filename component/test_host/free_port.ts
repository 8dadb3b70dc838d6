// Ports for what tests start and cannot let choose its own.
import { createServer } from 'node:net'

/**
 * Below what Linux and macOS hand out to outgoing connections and to port 0: a port from there may be gone again before
 * it is used, to any test file that runs beside this one.
 */
const portMin = 10_000
const portMax = 30_000
const triesMax = 100

let given = process.pid * 61

/** A TCP port on 127.0.0.1 that nobody listens on; no two calls of a process give the same one. Rejects where none is found. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < triesMax; tries++) {
    // Processes begin far from each other, and go on side by side.
    const port = portMin + (given++ % (portMax - portMin))
    if (await isFree(port)) return port
  }
  throw new Error(`Cannot find a free port: ${triesMax} from ${portMin} to ${portMax} were taken`)
}

function isFree(port: number): Promise<boolean> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
