/** One operation that the kernel refused. */
export interface OperationFailure {
  /** Index of the operation in its transaction; -1: the transaction as a whole. */
  readonly op: number
  /** Index of the record inside a bulk operation, when the kernel named it. */
  readonly element?: number
  readonly errno: number
  /** The errno's name, such as `ENOENT`. */
  readonly code: string
  /** The kernel's extended-acknowledgement text, else the errno's. */
  readonly message: string
  /** Bytes from the start of the refused netlink message to the attribute at fault. */
  readonly attributeOffset?: number
}

/**
 * A netlink request that failed. `code` is the first failure's errno name, or one of `ERR_NETLINK_MALFORMED` (the
 * kernel's reply made no sense), `ERR_NETLINK_DUMP_INTERRUPTED` (a dump changed under way at every attempt),
 * `ERR_NATIVE_PROGRAM` (our own request was malformed: a bug), `ERR_SOCKET_CLOSED`.
 */
export class NetlinkError extends Error {
  override readonly name = 'NetlinkError'
  readonly code: string
  readonly errno: number
  /** What was being done to what: "add 5 elements to map eps of table ip hawser". */
  readonly operation: string
  readonly failures: readonly OperationFailure[]

  constructor(details: {
    code: string
    errno: number
    reason: string
    operation: string
    failures: readonly OperationFailure[]
  }) {
    super(describe(details))
    this.code = details.code
    this.errno = details.errno
    this.operation = details.operation
    this.failures = details.failures
  }
}

function describe(details: {
  code: string
  reason: string
  operation: string
  failures: readonly OperationFailure[]
}): string {
  const element = details.failures[0]?.element
  const where = element === undefined ? '' : ` (element ${element})`
  const more = details.failures.length > 1 ? `; ${details.failures.length - 1} more failed` : ''
  const advice = ADVICE[details.code]
  return `cannot ${details.operation}${where}: ${details.reason} [${details.code}]${more}${advice ? `; ${advice}` : ''}`
}

const ADVICE: Readonly<Record<string, string>> = {
  EPERM: 'run as root or with CAP_NET_ADMIN',
  EPROTONOSUPPORT: 'this kernel lacks the netlink family (CONFIG_NETFILTER_NETLINK, CONFIG_NF_TABLES, …)',
  EOPNOTSUPP: 'this kernel lacks the feature, or its module is not loaded',
  ERESTART: 'someone else changed the ruleset meanwhile: read it again and retry',
  ERR_CONNTRACK_ABSENT: 'load nf_conntrack_netlink or run a kernel that has it; Services work without',
  ERR_CONNTRACK_EVENTS_OFF: 'sysctl -w net.netfilter.nf_conntrack_events=1 brings them back',
  ERR_CONNTRACK_EBPF: 'leave the choice of the engine to Hawser, or grant CAP_BPF on Linux 5.6 or later',
  ERR_CONNTRACK_RESYNC_OVERRUN: 'try again when less happens, or give the events a larger buffer',
  ENOBUFS: 'raise net.core.rmem_max or run with CAP_NET_ADMIN',
}

/**
 * Turns what the addon rejects with into a NetlinkError. `describeOperation` names an operation by index; the index
 * is -1 for the request as a whole.
 */
export function toNetlinkError(thrown: unknown, describeOperation: (op: number) => string): unknown {
  if (!(thrown instanceof Error) || !('failures' in thrown) || !('errno' in thrown)) return thrown
  const native = thrown as Error & { code: string; errno: number; failures: readonly OperationFailure[] }
  return new NetlinkError({
    code: native.code,
    errno: native.errno,
    reason: native.message,
    operation: describeOperation(native.failures[0]?.op ?? -1),
    failures: native.failures,
  })
}
