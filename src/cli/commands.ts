import type { Command } from './command.ts'

interface CommandEntry {
  readonly summary: string
  /** Loaded only when it is run: `hawser --help` must not wait for gRPC or the addon. */
  readonly load: () => Promise<Command>
}

/** Every command, by the words that call it. */
export const commands: ReadonlyMap<string, CommandEntry> = new Map([
  [
    'up',
    {
      summary: 'Run a folder of manifests as a node of its own',
      load: async () => (await import('./up.ts')).command,
    },
  ],
  [
    'node',
    {
      summary: 'Make this machine a node of a cluster, with pods and Services',
      load: async () => (await import('./node.ts')).command,
    },
  ],
  [
    'proxy',
    {
      summary: 'Balance the Services of a cluster or a folder, and run no containers',
      load: async () => (await import('./proxy.ts')).command,
    },
  ],
  [
    'kubelet',
    {
      summary: 'Run the pods that a cluster binds to this machine',
      load: async () => (await import('./kubelet.ts')).command,
    },
  ],
  [
    'status',
    {
      summary: 'Say how the running daemon is doing',
      load: async () => (await import('./status.ts')).command,
    },
  ],
  [
    'explain',
    {
      summary: 'Say what happens to connections to an address, and why',
      load: async () => (await import('./explain.ts')).command,
    },
  ],
  [
    'top',
    {
      summary: 'Show connections of Services as they come and go',
      load: async () => (await import('./top.ts')).command,
    },
  ],
  [
    'flows',
    {
      summary: 'List connections of Services',
      load: async () => (await import('./flows.ts')).command,
    },
  ],
  [
    'image build',
    {
      summary: 'Make an OCI archive from a folder',
      load: async () => (await import('./image-build.ts')).command,
    },
  ],
  [
    'bench',
    {
      summary: 'Measure Hawser beside a floor or a peer',
      load: async () => (await import('./bench.ts')).command,
    },
  ],
  [
    'version',
    {
      summary: 'Print the version',
      load: async () => (await import('./version.ts')).command,
    },
  ],
])
