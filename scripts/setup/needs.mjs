import { existsSync, readFileSync } from 'node:fs'
import { findProgram } from './search-path.mjs'

/**
 * What the machine must offer, for each purpose: how to see that it is there, and the Debian package that brings it.
 * Looking for the thing rather than for the package leaves alone machines that have it from elsewhere (Debian's
 * `containerd` would otherwise push out Docker's `containerd.io`), and takes microseconds.
 *
 * @typedef {{name: string, package: string, present: () => boolean}} Need
 */

/** @returns {Need} */
const program = (name, debianPackage = name) => ({
  name,
  package: debianPackage,
  present: () => findProgram(name) !== undefined,
})

/** @returns {Need} */
const file = (path, debianPackage) => ({
  name: path,
  package: debianPackage,
  present: () => existsSync(path),
})

/** @returns {Need} */
const staticProgram = (name, debianPackage) => ({
  name: `static ${name}`,
  package: debianPackage,
  present: () => isStaticProgram(findProgram(name)),
})

/** @type {Readonly<Record<'build' | 'node' | 'tests' | 'cluster' | 'kubeProxy' | 'nodeGyp' | 'sanitizers' | 'compilerCache', readonly Need[]>>} */
export const needs = {
  /** Compiling the addon and the pause program. */
  build: [
    program('g++'),
    program('gcc'),
    program('make'),
    program('cmake'),
    file('/usr/include/linux/ip_vs.h', 'linux-libc-dev'),
  ],
  /**
   * Running pods: the runtime, its networking plugins and what those call. busybox fills the example's image, and curl is
   * what the printed URLs are for.
   */
  node: [
    program('containerd'),
    program('runc'),
    file('/usr/lib/cni/ptp', 'containernetworking-plugins'),
    program('iptables'),
    staticProgram('busybox', 'busybox-static'),
    program('curl'),
  ],
  /** What tests look at the kernel with, beside Hawser itself. */
  tests: [
    program('ip', 'iproute2'),
    program('nft', 'nftables'),
    program('conntrack'),
    program('ipvsadm'),
    program('socat'),
    program('sysctl', 'procps'),
  ],
  /** Certificates of the test cluster. */
  cluster: [program('openssl'), program('setpriv', 'util-linux')],
  /** What a real kube-proxy calls. */
  kubeProxy: [program('nft', 'nftables'), program('iptables'), program('conntrack')],
  nodeGyp: [program('python3')],
  /** The C++ tests. */
  sanitizers: [file('/usr/include/doctest/doctest.h', 'doctest-dev')],
  /** Tests compile the same native code again and again. */
  compilerCache: [program('ccache')],
}

/** True for an ELF program without an interpreter: it runs in a root file system that holds nothing else. */
function isStaticProgram(path) {
  if (path === undefined) return false
  const elf = readFileSync(path)
  const interpreterHeader = 3 // PT_INTERP, elf.h
  const tableOffset = Number(elf.readBigUInt64LE(0x20))
  const entrySize = elf.readUInt16LE(0x36)
  const entries = elf.readUInt16LE(0x38)
  for (let index = 0; index < entries; index++) {
    if (elf.readUInt32LE(tableOffset + index * entrySize) === interpreterHeader) return false
  }
  return true
}
