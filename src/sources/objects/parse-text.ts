import * as v from 'valibot'

/** A text field that `parse` understands; `message` is the complaint when it returns undefined. */
export const parsedText = <Value>(parse: (text: string) => Value | undefined, message: string) =>
  v.pipe(
    v.string(),
    v.rawTransform<string, Value>(({ dataset, addIssue, NEVER }) => {
      const value = parse(dataset.value)
      if (value !== undefined) return value
      addIssue({ message })
      return NEVER
    }),
  )
