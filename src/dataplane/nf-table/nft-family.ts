import type { IpFamily } from '../../util/address.ts'

/** The nf_tables family that packets of an address family pass; Hawser makes no table of family inet. */
export const nftFamily = (family: IpFamily): 'ip' | 'ip6' => (family === 'IPv4' ? 'ip' : 'ip6')
