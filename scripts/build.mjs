// npm run build: everything that is stale. Takes the tools and npm packages as they are; `npm start` and `npm test`
// also install what is missing.
import { buildEverything } from './build/everything.mjs'
import { runMain } from './setup/failure.mjs'
import { checkPlatform } from './setup/machine.mjs'

await runMain(async () => {
  checkPlatform()
  await buildEverything()
})
