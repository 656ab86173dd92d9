/** Reads `unix:///run/containerd/containerd.sock`; undefined for anything but an absolute socket path. */
export function parseRuntimeEndpoint(text: string): string | undefined {
  return /^unix:\/\/\/[^?#\s]+$/.test(text) ? text : undefined
}
