// The door of ports that wait out refusals.
export { Retries, RetryingPort } from './retrying_port.ts'
