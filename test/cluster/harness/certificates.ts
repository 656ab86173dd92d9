import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** A certificate authority in a folder, with openssl: the paths it gives out are files of that folder. */
export class CertificateAuthority {
  readonly #folder: string
  readonly cert: string
  readonly #key: string

  private constructor(folder: string) {
    this.#folder = folder
    this.cert = join(folder, 'ca.crt')
    this.#key = join(folder, 'ca.key')
  }

  static async create(folder: string): Promise<CertificateAuthority> {
    const authority = new CertificateAuthority(folder)
    const files = ['-keyout', authority.#key, '-out', authority.cert]
    await run('openssl', ['req', '-x509', ...NEW_KEY, ...files, '-days', '2', '-subj', '/CN=hawser-test-ca'])
    return authority
  }

  /** `CN=name, O=group…`: how the API server's x509 authentication reads users and groups. */
  async client(user: string, groups: readonly string[] = []): Promise<Certificate> {
    const subject = groups.map((group) => `/O=${group}`).join('')
    return this.#issue(user.replaceAll(/\W/g, '-'), `${subject}/CN=${user}`, 'extendedKeyUsage=clientAuth')
  }

  async server(name: string, alternatives: readonly string[]): Promise<Certificate> {
    const extensions = `extendedKeyUsage=serverAuth\nsubjectAltName=${alternatives.join(',')}`
    return this.#issue(name, `/CN=${name}`, extensions)
  }

  /** A key pair for signing service account tokens. */
  async keyPair(name: string): Promise<{ readonly private: string; readonly public: string }> {
    const pair = { private: join(this.#folder, `${name}.key`), public: join(this.#folder, `${name}.pub`) }
    await run('openssl', ['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', pair.private])
    await run('openssl', ['ec', '-in', pair.private, '-pubout', '-out', pair.public])
    return pair
  }

  async #issue(name: string, subject: string, extensions: string): Promise<Certificate> {
    const path = (ending: string): string => join(this.#folder, `${name}.${ending}`)
    const files = ['-keyout', path('key'), '-out', path('csr')]
    await run('openssl', ['req', ...NEW_KEY, ...files, '-subj', subject])
    await writeFile(path('ext'), extensions)
    const signer = ['-CA', this.cert, '-CAkey', this.#key, '-days', '1', '-extfile', path('ext')]
    await run('openssl', ['x509', '-req', '-in', path('csr'), '-out', path('crt'), ...signer])
    return { cert: path('crt'), key: path('key') }
  }
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
