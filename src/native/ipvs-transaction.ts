import {
  formatServer,
  formatVirtualServer,
  type RealServer,
  type RealServerKey,
  type VirtualServer,
  type VirtualServerKey,
  writeRealServer,
  writeRealServerKey,
  writeVirtualServer,
  writeVirtualServerKey,
} from './ipvs-servers.ts'
import { ProgramWriter } from './program.ts'

/** Seconds without a packet after which a connection is forgotten; 0 leaves a timeout as it is. */
export interface IpvsTimeouts {
  readonly tcpSeconds: number
  /** After the first FIN. */
  readonly tcpFinSeconds: number
  readonly udpSeconds: number
}

/** Numbers of the operations; `ChangeCode` of native/ipvs/change_run.h has the same. */
const CODES = {
  addService: 1,
  changeService: 2,
  deleteService: 3,
  addDest: 4,
  changeDest: 5,
  deleteDest: 6,
  flush: 7,
  setTimeouts: 8,
} as const
type OperationName = keyof typeof CODES

/** Kept as it came: a sentence is made of it only when it failed. */
interface Operation {
  readonly name: OperationName
  readonly service?: VirtualServerKey
  readonly dest?: RealServerKey
}

/**
 * Changes of virtual servers ("services") and their real servers ("dests"), in order. They are independent of each other:
 * each is tried, whatever became of those before it.
 */
export class IpvsTransaction {
  readonly #program = new ProgramWriter()
  readonly #operations: Operation[] = []

  /** EEXIST when there is one with the key; ENOENT when the kernel lacks the scheduler. */
  addService(server: VirtualServer): this {
    writeVirtualServer(this.#begin({ name: 'addService', service: server.key }), server)
    return this
  }

  /** Changes scheduler, flags, timeout and client prefix. ESRCH when there is no such service. */
  changeService(server: VirtualServer): this {
    writeVirtualServer(this.#begin({ name: 'changeService', service: server.key }), server)
    return this
  }

  /** Deletes it with its dests. ESRCH when there is no such service. */
  deleteService(service: VirtualServerKey): this {
    writeVirtualServerKey(this.#begin({ name: 'deleteService', service }), service)
    return this
  }

  /** EEXIST when the service has it, ESRCH when there is no such service, EINVAL where `lo` was never up. */
  addDest(service: VirtualServerKey, dest: RealServer): this {
    writeRealServer(this.#beginDest({ name: 'addDest', service, dest }), dest)
    return this
  }

  /** Changes method, weight and thresholds. ENOENT when the service does not have it. */
  changeDest(service: VirtualServerKey, dest: RealServer): this {
    writeRealServer(this.#beginDest({ name: 'changeDest', service, dest }), dest)
    return this
  }

  /** Connections that it has are cut at their next packet. ENOENT when the service does not have it. */
  deleteDest(service: VirtualServerKey, dest: RealServerKey): this {
    writeRealServerKey(this.#beginDest({ name: 'deleteDest', service, dest }), dest)
    return this
  }

  /** Deletes every service of the namespace, whoever made it. */
  flush(): this {
    this.#begin({ name: 'flush' })
    return this
  }

  setTimeouts(timeouts: IpvsTimeouts): this {
    const program = this.#begin({ name: 'setTimeouts' })
    program.u32(timeouts.tcpSeconds).u32(timeouts.tcpFinSeconds).u32(timeouts.udpSeconds)
    return this
  }

  get operations(): number {
    return this.#operations.length
  }

  get isEmpty(): boolean {
    return this.#operations.length === 0
  }

  /** What operation `op` does, in words; for a number outside, the transaction as a whole. */
  describe(op: number): string {
    const operation = this.#operations[op]
    return operation === undefined ? `make ${this.operations} changes of IPVS` : sentence(operation)
  }

  /** The program, without a copy: do not add to the transaction while it is being applied. */
  program(): Uint8Array {
    return this.#program.view()
  }

  #begin(operation: Operation): ProgramWriter {
    this.#operations.push(operation)
    return this.#program.u8(CODES[operation.name])
  }

  #beginDest(operation: Operation & { readonly service: VirtualServerKey }): ProgramWriter {
    const program = this.#begin(operation)
    writeVirtualServerKey(program, operation.service)
    return program
  }
}

function sentence({ name, service, dest }: Operation): string {
  const virtual = service === undefined ? '' : formatVirtualServer(service)
  const real = dest === undefined ? '' : formatServer(dest)
  switch (name) {
    case 'addService':
      return `add virtual server ${virtual}`
    case 'changeService':
      return `change virtual server ${virtual}`
    case 'deleteService':
      return `delete virtual server ${virtual}`
    case 'addDest':
      return `add real server ${real} to ${virtual}`
    case 'changeDest':
      return `change real server ${real} of ${virtual}`
    case 'deleteDest':
      return `delete real server ${real} of ${virtual}`
    case 'flush':
      return 'delete all virtual servers'
    case 'setTimeouts':
      return 'set the IPVS timeouts'
  }
}
