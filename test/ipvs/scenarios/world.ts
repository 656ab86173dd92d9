import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { connect, Netns } from '../../support/netns.ts'

const SERVER = fileURLToPath(new URL('server.js', import.meta.url))
const CLIENT = fileURLToPath(new URL('client.js', import.meta.url))
export const BACKEND_PORT = 8080

/** Addresses of backend `index` (from 1), which are its name too. */
export const backendAddress = (index: number, family: 'IPv4' | 'IPv6' = 'IPv4'): string =>
  family === 'IPv4' ? `172.16.${index}.2` : `fd16::${index}:2`

/**
 * A client, a director with IPVS between, and backends, each in a network namespace of its own: the client and the
 * backends know nothing but their default route, the director.
 */
export class World {
  readonly client: Netns
  readonly director: Netns
  readonly #backends: { kill(): void }[] = []

  private constructor(client: Netns, director: Netns) {
    this.client = client
    this.director = director
  }

  static async create(backends: number): Promise<World> {
    const [client, director] = [await Netns.create('client'), await Netns.create('director')]
    const world = new World(client, director)
    await director.forwards({ 'net.ipv4.vs.conntrack': 1 })
    await connect(
      { netns: client, link: 'eth0', addresses: ['192.168.1.2/24', 'fd01::2/64'] },
      { netns: director, link: 'client', addresses: ['192.168.1.1/24', 'fd01::1/64'] },
    )
    await world.#routeThroughDirector(client, '192.168.1.1', 'fd01::1')
    for (let index = 1; index <= backends; index++) await world.#addBackend(index)
    return world
  }

  /** What the client heard, asking `count` times. */
  async ask(protocol: 'TCP' | 'UDP', address: string, port: number, count: number): Promise<string[]> {
    const words = [CLIENT, protocol, address, String(port), String(count)]
    return JSON.parse(await this.client.exec(process.execPath, ...words)) as string[]
  }

  /** Ends the backends; the namespaces go with the kernel, or with the mount namespace that a host test runs in. */
  dispose(): void {
    for (const backend of this.#backends) backend.kill()
  }

  async #addBackend(index: number): Promise<void> {
    const netns = await Netns.create(`backend${index}`)
    const [own, own6] = [backendAddress(index), backendAddress(index, 'IPv6')]
    const [gateway, gateway6] = [`172.16.${index}.1`, `fd16::${index}:1`]
    await connect(
      { netns, link: 'eth0', addresses: [`${own}/24`, `${own6}/112`] },
      { netns: this.director, link: `backend${index}`, addresses: [`${gateway}/24`, `${gateway6}/112`] },
    )
    await this.#routeThroughDirector(netns, gateway, gateway6)
    const words = [`--net=${netns.path}`, process.execPath, SERVER, own, String(BACKEND_PORT)]
    const server = spawn('nsenter', words, { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#backends.push(server)
    await once(server.stdout, 'data')
    server.stdout.resume()
  }

  async #routeThroughDirector(netns: Netns, gateway: string, gateway6: string): Promise<void> {
    await netns.exec('ip', 'route', 'add', 'default', 'via', gateway)
    await netns.exec('ip', '-6', 'route', 'add', 'default', 'via', gateway6)
  }
}
