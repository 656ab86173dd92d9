import { resolve } from 'node:path'
import { buildImage } from '../kubelet/images/build.ts'
import { ImageBuildError } from '../kubelet/images/build-error.ts'
import { defineCommand } from './command.ts'
import { CommandError, usageError } from './command-error.ts'
import { nonEmpty, toggle, value } from './flags.ts'

export const command = defineCommand({
  usage: 'image build DIR [-t NAME] [-o FILE]',
  description: [
    'Makes an OCI archive from a folder, without a registry or a daemon. The folder holds image.yaml, which says what',
    'the image is called and runs, and rootfs/, which becomes its root file system. The same folder gives the same',
    'bytes on any machine. `hawser up` builds and imports the folders and archives in images/ of its manifests by',
    'itself; elsewhere use `ctr -n k8s.io images import FILE`.',
  ].join(' '),
  flags: {
    tag: value<string | undefined>({
      short: 't',
      metavar: 'NAME',
      help: 'Name of the image with registry and tag, such as localhost/web:1, in place of the one in image.yaml.',
      fallback: undefined,
      parse: nonEmpty,
      must: 'an image name',
    }),
    output: value<string | undefined>({
      short: 'o',
      metavar: 'FILE',
      help: 'Where to write the archive.',
      fallback: undefined,
      shownDefault: "the image's last name with .tar, here",
      parse: nonEmpty,
      must: 'a path',
    }),
    json: toggle('Print JSON.'),
  },
  async run({ flags, operands }) {
    const [directory, extra] = operands
    if (directory === undefined || extra !== undefined)
      throw usageError('image build takes one folder', 'hawser image build DIR -t NAME')
    try {
      const file = resolve(flags.output ?? `${defaultName(flags.tag ?? directory)}.tar`)
      const image = await buildImage({
        directory,
        file,
        ...(flags.tag === undefined ? {} : { name: flags.tag }),
      })
      process.stdout.write(flags.json ? `${JSON.stringify(image)}\n` : `${image.name} is in ${image.file}\n`)
      return 0
    } catch (error) {
      if (error instanceof ImageBuildError)
        throw new CommandError(error.code, error.message, { cause: error })
      throw error
    }
  },
})

/** `localhost/team/web:1` and `images/web` both give `web`. */
function defaultName(reference: string): string {
  const last = resolve('/', reference).split('/').at(-1) ?? ''
  return last.replace(/[:@].*$/, '') || 'image'
}
