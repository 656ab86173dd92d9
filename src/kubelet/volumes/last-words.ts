import { open } from 'node:fs/promises'

/** Beyond it a termination message is cut, from a file and from a log (the kubelet's own limits). */
const FILE_BYTES = 4096
const LOG_BYTES = 2048
const LOG_LINES = 80
/** What is before the content of a line of a log: `TIME STREAM TAG `. */
const PREFIX_BYTES = 64
/** Runtimes break longer lines. */
const LINE_BYTES = 16_384
/** All that can count, and the rest of the line that it begins in. */
const READ_BYTES = LOG_BYTES + LOG_LINES * PREFIX_BYTES + LINE_BYTES

/** What an ended container left to say in a file; empty when it is nothing. */
export async function readMessage(file: string): Promise<string> {
  return (await readPart(file, 'start', FILE_BYTES)).toString('utf8')
}

/** The end of a container's log, in the format of CRI, as a message. */
export async function readLogEnd(file: string): Promise<string> {
  const lines = (await readPart(file, 'end', READ_BYTES)).toString('utf8').split('\n')
  // The first may be half a line, and behind the last newline is nothing.
  const whole = lines.map((line) => /^\S+ (?:stdout|stderr) ([FP])\S* (.*)$/.exec(line))
  const texts = whole.map((match) => (match === null ? '' : `${match[2]}${match[1] === 'P' ? '' : '\n'}`))
  const text = Buffer.from(
    texts
      .join('')
      .split('\n')
      .slice(-LOG_LINES - 1)
      .join('\n'),
  )
  return text.subarray(-LOG_BYTES).toString('utf8')
}

async function readPart(path: string, from: 'start' | 'end', bytes: number): Promise<Buffer> {
  const file = await open(path, 'r').catch(() => undefined)
  if (file === undefined) return Buffer.alloc(0)
  try {
    const { size } = await file.stat()
    const position = from === 'start' ? 0 : Math.max(0, size - bytes)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(bytes, size)), 0, null, position)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}
