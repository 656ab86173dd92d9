/** A container cannot be made as its pod wants it. */
export class ContainerConfigError extends Error {
  override readonly name: string = 'ContainerConfigError'
  readonly code: 'CONFIG_MISSING' | 'CONFIG_REFUSED'

  constructor(message: string, code: ContainerConfigError['code'] = 'CONFIG_REFUSED') {
    super(message)
    this.code = code
  }
}

/** Something that a container names is not there; it waits until it is. */
export class MissingConfigError extends ContainerConfigError {
  override readonly name = 'MissingConfigError'

  constructor(message: string) {
    super(message, 'CONFIG_MISSING')
  }
}
