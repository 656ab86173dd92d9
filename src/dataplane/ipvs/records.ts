import { cidrAddress, cidrSize, type IpFamily } from '../../util/address.ts'
import { type Records, RecordWriter } from '../nftables/records.ts'
import { packServiceKey, serviceKeyLength } from '../nftables/service-key.ts'
import type { Element } from './elements.ts'
import { setLayout } from './layout.ts'
import { treatmentNumber } from './treatments.ts'

/** Elements of one set as the addon takes them: whole, or for a deletion their keys (and key ends) alone. */
export function packElements(
  elements: readonly Element[],
  family: IpFamily,
  what: 'keys' | 'elements',
): Records {
  const [first] = elements
  if (first === undefined) return new RecordWriter(0)
  const { width, dataLength = 0 } = setLayout(first.set, family)
  const records = new RecordWriter(what === 'keys' ? width - dataLength : width)
  for (const element of elements) packElement(element, family, what, records.begin())
  return records
}

function packElement(
  element: Element,
  family: IpFamily,
  what: 'keys' | 'elements',
  into: RecordWriter,
): void {
  switch (element.set) {
    case 'frontends':
      into.copy(packPlace(element, family))
      if (what === 'elements') into.hostNumber(treatmentNumber(element.treatment))
      break
    case 'short-circuit':
      into.copy(packPlace(element, family))
      if (what === 'elements') into.hostNumber(element.mark)
      break
    case 'sources': {
      const [place, range] = [packPlace(element, family), element.range]
      into
        .copy(place)
        .address(range.address)
        .copy(place)
        .address(cidrAddress(range, cidrSize(range) - 1n))
      break
    }
    case 'vips':
      into.address(element.address)
      break
    case 'hairpin':
      into.address(element.address).address(element.address)
  }
}

const packPlace = (
  { address, protocol, port }: Extract<Element, { set: 'frontends' | 'short-circuit' | 'sources' }>,
  family: IpFamily,
): Uint8Array => packServiceKey(address, protocol, port, new Uint8Array(serviceKeyLength(family)))
