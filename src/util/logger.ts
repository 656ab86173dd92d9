/**
 * Structured logging as the parts of the node see it: fields first, then a sentence. pino's loggers fit; the command
 * line makes one and hands it down.
 */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** For callers that want no log at all. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} }
