// Runs inside a network namespace of a test: asks pages over connections of their own, and keeps asking one all the time
// until it is told to stop. `web-client.ts` tells it what.
import { get } from 'node:http'

/** From the answer to one question to the next. */
const PAUSE_MS = 20
/** Far above what an answer takes on a machine with much else to do. */
const PATIENCE_MS = 10_000

/** The page, or why there is none. */
function ask(url) {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: PATIENCE_MS }, (response) => {
      let page = ''
      response.setEncoding('utf8').on('data', (text) => {
        page += text
      })
      response.on('end', () =>
        resolve(response.statusCode === 200 ? { page } : { failure: response.statusCode }),
      )
      response.on('error', (error) => resolve({ failure: error.code ?? error.message }))
    })
    request.on('timeout', () => request.destroy(new Error('silent')))
    request.on('error', (error) => resolve({ failure: error.code ?? error.message }))
  })
}

let steady
let asking = false

async function keepAsking(url) {
  asking = true
  const answers = []
  while (asking) {
    answers.push(await ask(url))
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
  return answers
}

process.on('message', async ({ id, action, url, count }) => {
  const answers = []
  if (action === 'keep asking') steady = keepAsking(url)
  if (action === 'ask') for (let i = 0; i < count; i++) answers.push(await ask(url))
  if (action === 'stop asking') {
    asking = false
    answers.push(...(await steady))
  }
  process.send({ id, answers })
})
process.on('disconnect', () => process.exit())
process.send({ id: 0, answers: [] })
