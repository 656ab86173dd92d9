/** The grammar of image names: `[domain[:port]/]path[:tag][@digest]` (distribution/reference, which runtimes follow). */
const DOMAIN = String.raw`(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?`
const COMPONENT = String.raw`[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`
const DIGEST = `[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}`
const REFERENCE = new RegExp(
  `^((?:${DOMAIN}/)?${COMPONENT}(?:/${COMPONENT})*)(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@${DIGEST})?$`,
)
const MAX_NAME = 255

/** What is wrong with an image's name, as runtimes say it; undefined for one that can be asked for. */
export function imageNameFault(image: string): string | undefined {
  // An image may be named by its bare ID, too.
  if (/^sha256:[0-9a-f]{64}$/.test(image)) return undefined
  const name = REFERENCE.exec(image)?.[1]
  if (name === undefined)
    return REFERENCE.test(image.toLowerCase())
      ? 'invalid reference format: repository name must be lowercase'
      : 'invalid reference format'
  return name.length > MAX_NAME ? `repository name must not be more than ${MAX_NAME} characters` : undefined
}
