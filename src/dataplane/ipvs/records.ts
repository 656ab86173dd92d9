import { cidrAddress, cidrSize, type IpFamily } from '../../util/address.ts'
import type { Pacer } from '../../util/pacer.ts'
import { type Records, RecordWriter } from '../nf-table/records.ts'
import { packServiceKey, serviceKeyLength } from '../nf-table/service-key.ts'
import type { Element } from './elements.ts'
import { type SetName, setLayout } from './layout.ts'
import { treatmentNumber } from './treatments.ts'

/** What of an element is packed: a deletion wants keys (and key ends) alone. */
type Part = 'keys' | 'elements'

/** Elements of one set as the addon takes them; `pacer` decides when the event loop gets a turn meanwhile. */
export async function packElements(
  set: SetName,
  elements: readonly Element[],
  family: IpFamily,
  part: Part,
  pacer: Pacer,
): Promise<Records> {
  const { width, dataLength = 0 } = setLayout(set, family)
  const records = new RecordWriter(part === 'keys' ? width - dataLength : width)
  for (const element of elements) {
    packElement(element, family, part, records.begin())
    if (pacer.due()) await pacer.pause()
  }
  return records
}

function packElement(element: Element, family: IpFamily, part: Part, into: RecordWriter): void {
  switch (element.set) {
    case 'frontends':
      into.copy(packPlace(element, family))
      if (part === 'elements') into.hostNumber(treatmentNumber(element.treatment))
      break
    case 'short-circuit':
      into.copy(packPlace(element, family))
      if (part === 'elements') into.hostNumber(element.mark)
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
  }
}

const packPlace = (
  { address, protocol, port }: Extract<Element, { set: 'frontends' | 'short-circuit' | 'sources' }>,
  family: IpFamily,
): Uint8Array => packServiceKey(address, protocol, port, new Uint8Array(serviceKeyLength(family)))
