// The settings that hold where none are given: HTTP on the loopback address, sample rules, a folder. As text, so that
// they go through what every settings file goes through, and can be shown. Called by load.ts and by the test of the
// documents.

import { sampleRules } from './sample-rules.ts'

/** What messages call the built-in settings. */
export const defaultName = 'built-in settings'

/**
 * Returns the built-in settings as commented YAML. `rules`: what stands behind `rules:`, on the same line or indented
 * by eight spaces below it; the sample rules, if nothing is given.
 */
export function defaultSettingsText(rules = sampleInPlace()): string {
  return `pipelines:
  default:
    source:
      http:
        listen: 127.0.0.1:9880 # only this machine can post
        path: /ingest
    rules: ${rules}
    routes: # a folder for each route that the rules name
      keep:
        directory: { path: weir-out/keep }
      security:
        directory: { path: weir-out/security }
      drop:
        discard: {}
    deadLetter: # records that cannot be read, with the reason
      directory: { path: weir-out/dead-letter }
admin:
  listen: 127.0.0.1:9881 # health, metrics, status
`
}

function sampleInPlace(): string {
  const indented = sampleRules.replace(/^(?=.)/gm, ' '.repeat(8)).trimEnd()
  return `\n      text: |\n${indented}`
}
