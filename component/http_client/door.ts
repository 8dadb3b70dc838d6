// The door of the HTTP client that every component shares.
export { createHttpClient } from './client.ts'
export type { HttpClient, HttpClientOptions, HttpRequest, HttpResponse } from './client.ts'
export { BodyTooLargeError, RequestError, shownUrl } from './errors.ts'
export { checkHttpClient, httpClientFields, httpClientSettings } from './settings.ts'
export type { HttpClientSettings } from './settings.ts'
