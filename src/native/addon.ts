import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What `build/Release/hawser.node` exports; `native/binding/` is the other side. */
export interface Addon {
  readonly Socket: new (family: string, netns?: string) => NativeSocket
  expressionSchema(): readonly NativeExpressionSchema[]
  /** `native/sys/mounts.h`; resolves to 0 or an errno. */
  mount(source: string, target: string, fileSystem: string, options: string): Promise<number>
  unmount(target: string): Promise<number>
}

/** `native/binding/socket_binding.h`: one thread and one netlink socket. */
export interface NativeSocket {
  /** Method 0 opens. The buffers must not change until the promise settles. Rejects with a native failure. */
  request(method: number, buffers: readonly Uint8Array[]): Promise<Uint8Array>
  /** Numbers that some families let be read at any time; 0 of others. */
  read(block: number, into: Float64Array): number
  stats(): SocketStats
  close(): Promise<void>
}

/** Counters of one socket since it was opened. */
export interface SocketStats {
  /** Netlink messages sent. */
  readonly messages: number
  /** Bytes sent. */
  readonly bytes: number
  readonly syscalls: number
  /** Bytes received. */
  readonly received: number
  /** Times that the kernel dropped replies for want of buffer (ENOBUFS). */
  readonly overruns: number
  /** Refused operations and failed system calls, by errno name. */
  readonly errors: Readonly<Record<string, number>>
}

export type NativeValueKind = 'u8' | 'u16' | 'u32' | 'u64' | 'string' | 'bytes' | 'data'

/** One nf_tables expression as `native/nftables/expression_schema.cc` lists it. */
export interface NativeExpressionSchema {
  readonly name: string
  readonly attributes: readonly {
    readonly name: string
    readonly number: number
    readonly kind: NativeValueKind
    /** Words for the values 0, 1, 2, …; with `bits` for the bits. */
    readonly words?: readonly string[]
    readonly bits?: boolean
  }[]
}

/** The addon is not there, or is not for this Node.js. `code` is ERR_ADDON_MISSING or ERR_ADDON_UNUSABLE. */
export class AddonError extends Error {
  override readonly name = 'AddonError'
  readonly code: 'ERR_ADDON_MISSING' | 'ERR_ADDON_UNUSABLE'

  constructor(code: AddonError['code'], message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}

let loaded: Addon | undefined

/**
 * The native addon, loaded at the first call: `HAWSER_ADDON` when set, else `build/Release/hawser.node` under the
 * package's root. Throws an AddonError that says what to do.
 */
export function loadAddon(): Addon {
  loaded ??= requireAddon(process.env.HAWSER_ADDON ?? join(packageRoot(), 'build', 'Release', 'hawser.node'))
  return loaded
}

function requireAddon(path: string): Addon {
  if (!existsSync(path))
    throw new AddonError(
      'ERR_ADDON_MISSING',
      `the native addon is not built: no ${path}; run \`npm run build\``,
    )
  try {
    return createRequire(import.meta.url)(path) as Addon
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new AddonError(
      'ERR_ADDON_UNUSABLE',
      `cannot load the native addon ${path}: ${reason}; run \`npm run build\` on this machine`,
      cause,
    )
  }
}

/** The folder of package.json, from src/native as well as from dist/src/native. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder)
  return folder
}
