// Runs the public HTTP caching test suite through an edge, and prints each test's kind and result as
// JSON. Its origin listens at ORIGIN (host:port) and nowhere else; readers ask EDGE (a URL).

import http from 'node:http'
import fetch from 'node-fetch'
import { runTests, getResults } from 'http-cache-tests/client/runner.mjs'
import handleConfig from 'http-cache-tests/server/handle-config.mjs'
import handleState from 'http-cache-tests/server/handle-state.mjs'
import handleTest from 'http-cache-tests/server/handle-test.mjs'
import suites from 'http-cache-tests/tests/index.mjs'

const handlers = { config: handleConfig, state: handleState, test: handleTest }

const origin = http.createServer((request, response) => {
  const [, name, ...rest] = new URL(request.url, 'http://origin').pathname.split('/')
  const handler = handlers[name]
  if (handler) {
    handler(rest, request, response)
  } else {
    response.writeHead(404).end()
  }
})

const [host, port] = process.env.ORIGIN.split(':')
await new Promise(resolve => origin.listen(Number(port), host, resolve))
// The suite tells of its own trouble on standard output, where only the result is to stand.
console.log = console.error
await runTests(suites, fetch, false, process.env.EDGE)
const results = getResults()
const told = suites
  .flatMap(suite => suite.tests)
  .filter(test => test.id in results)
  .map(test => ({ id: test.id, kind: test.kind ?? 'required', result: results[test.id] }))
process.stdout.write(JSON.stringify(told))
origin.closeAllConnections()
origin.close()
