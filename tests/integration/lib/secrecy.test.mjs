// Run behind all others, by run.sh: what they noted does not stand in what their nodes logged.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const START = 8; // every noted text has at least so many characters
const folder = process.env.TEST_SECRETS;
const files = (suffix) => readdirSync(folder).filter((name) => name.endsWith(suffix)).map((name) => join(folder, name));

// The texts that stand in the log. One look at each place: few begin alike.
function found(texts, log) {
  const byStart = new Map();
  for (const text of texts) {
    const start = text.slice(0, START);
    byStart.set(start, [...(byStart.get(start) ?? []), text]);
  }
  const hits = new Set();
  for (let at = 0; at + START <= log.length; at++)
    for (const text of byStart.get(log.slice(at, at + START)) ?? [])
      if (log.startsWith(text, at)) hits.add(text);
  return [...hits];
}

test('no payload, token or key of any test stands in a log at level debug', (t) => {
  let nTexts = 0, nBytes = 0, nDebug = 0;
  for (const name of files('.log')) {
    const log = readFileSync(name, 'utf8');
    const texts = JSON.parse(readFileSync(name.replace(/log$/, 'noted'), 'utf8'));
    nTexts += texts.length;
    nBytes += log.length;
    nDebug += log.split('level=debug').length - 1;
    assert.deepEqual(found(texts, log), [], 'these were logged');
  }
  t.diagnostic(`secrecy: ${nTexts} payloads, tokens and keys looked for in ${nBytes} bytes of log, ${nDebug} lines of level debug`);
  const isIdle = nTexts === 0 || nBytes === 0;
  if (isIdle && process.env.TEST_IS_WHOLE !== 'yes') t.skip('these test files noted nothing, or logged nothing');
  else assert.ok(!isIdle, 'all tests together noted nothing, or logged nothing');
});

test('the search finds what is there', () => {
  assert.deepEqual(found(['a payload', 'another one'], 'event=x text="this is a payload, logged"'), ['a payload']);
});
