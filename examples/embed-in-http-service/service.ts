/** The service: an ordinary HTTP server. Its operators' side is in operations.ts. */
import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { escapeText } from 'fake-ssh'

export interface ServiceStatus {
  readonly uptimeSeconds: number
  readonly requests: number
  readonly isInMaintenance: boolean
}

/** Emits `request` with one line for each. */
export class GreetingService extends EventEmitter<{ request: [line: string] }> {
  isInMaintenance = false
  readonly #http: Server
  #requests = 0

  constructor() {
    super()
    this.#http = createServer((request, response) => this.#answer(request, response))
  }

  get status(): ServiceStatus {
    const uptimeSeconds = Math.round(process.uptime())
    return { uptimeSeconds, requests: this.#requests, isInMaintenance: this.isInMaintenance }
  }

  /** Resolves with the port. */
  async listen(port: number): Promise<number> {
    this.#http.listen(port, '127.0.0.1')
    await once(this.#http, 'listening')
    const address = this.#http.address()
    return typeof address === 'object' && address !== null ? address.port : port
  }

  /** Takes no new requests; resolves when those under way are answered. */
  async close(): Promise<void> {
    this.#http.close()
    await once(this.#http, 'close')
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.#requests += 1
    const [path = '/'] = (request.url ?? '/').split('?')
    const [status, body] = this.isInMaintenance
      ? [503, 'back soon']
      : path.startsWith('/hello/')
        ? [200, `hello, ${decodeName(path.slice('/hello/'.length))}`]
        : [404, 'there is only /hello/NAME']
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${body}\n`)
    this.emit('request', `${request.method} ${escapeText(path)} ${status}`)
  }
}

function decodeName(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
