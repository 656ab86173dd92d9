/** Who asks (authentication.k8s.io/v1 UserInfo). */
export interface User {
  readonly name: string
  readonly uid: string | undefined
  readonly groups: readonly string[]
  readonly extra: Readonly<Record<string, readonly string[]>>
}

/** Everybody who could say who they are. */
export const AUTHENTICATED = 'system:authenticated'
