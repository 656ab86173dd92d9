import { addon } from './addon.mjs'
import { javascript } from './javascript.mjs'
import { pause } from './pause.mjs'
import { ensure } from './product.mjs'
import { protocolCode } from './protocol-code.mjs'

/** Builds what running Hawser needs and what is not fresh; the code from proto/ comes before what imports it. */
export async function buildEverything() {
  for (const product of [protocolCode, addon, pause, javascript]) await ensure(product)
}
