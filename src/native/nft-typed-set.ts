import { type ElementLayout, recordWidth, type SetFlag, type SetSpec } from './nft-objects.ts'
import { type TypeofTerm, termOf, typeNumber, typeWidth } from './nft-typeof.ts'
import { setUserData } from './nft-userdata.ts'

export interface TypedSet {
  readonly name: string
  readonly keyTypeof: readonly TypeofTerm[]
  readonly dataTypeof?: readonly (TypeofTerm | 'verdict')[]
  readonly flags?: readonly SetFlag[]
  readonly timeoutMs?: number
  readonly size?: number
  readonly comment?: string
}

/** The whole spec of a set or map from its `typeof` words, so that `nft list` prints and re-reads it. */
export function typedSet({ keyTypeof, dataTypeof, comment, flags = [], ...rest }: TypedSet): SetSpec {
  const concatenatedInterval = keyTypeof.length > 1 && flags.includes('interval')
  const isVerdictMap = dataTypeof?.[0] === 'verdict'
  return {
    ...rest,
    keyType: typeNumber(keyTypeof),
    keyLength: typeWidth(keyTypeof),
    ...(dataTypeof === undefined
      ? {}
      : isVerdictMap
        ? { dataType: 'verdict' as const }
        : { dataType: typeNumber(dataTypeof), dataLength: typeWidth(dataTypeof) }),
    // Ranges over a concatenation need the kernel's pipapo sets, which want to know where the fields are.
    flags: concatenatedInterval && !flags.includes('concat') ? [...flags, 'concat'] : flags,
    ...(concatenatedInterval ? { fieldLengths: keyTypeof.map((term) => termOf(term).width) } : {}),
    userData: setUserData({
      keyTypeof,
      ...(dataTypeof === undefined ? {} : { dataTypeof }),
      ...(comment === undefined ? {} : { comment }),
    }),
  }
}

/** How a set's elements are packed into records. */
export function elementLayout(set: SetSpec): ElementLayout & { readonly width: number } {
  const layout = {
    keyLength: set.keyLength,
    keyEnd: set.fieldLengths !== undefined && set.fieldLengths.length > 0,
    dataLength: set.dataType === 'verdict' ? 0 : (set.dataLength ?? 0),
  }
  return { ...layout, width: recordWidth(layout) }
}
