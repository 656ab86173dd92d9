/** - `NODE_NAME_TAKEN`: another machine that lives has a Node of this name. */
export type NodeErrorCode = 'NODE_NAME_TAKEN'

/** Something that keeps this machine from being a node of its cluster. */
export class NodeError extends Error {
  override readonly name = 'NodeError'
  readonly code: NodeErrorCode

  constructor(code: NodeErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
