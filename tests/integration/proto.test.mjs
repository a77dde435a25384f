// The documents of proto/ agree with each other: golden frames, JSON Schemas, the AsyncAPI document and the README's tables.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import Ajv2020 from 'ajv/dist/2020.js';
import { parse } from 'yaml';

const proto = new URL('../../proto/', import.meta.url);
const read = (path) => readFileSync(new URL(path, proto), 'utf8');

const schemas = new Map(
  readdirSync(new URL('schemas/', proto)).map((file) => [file, JSON.parse(read(`schemas/${file}`))]),
);
const golden = read('golden/frames.jsonl')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line));
const asyncapi = parse(read('asyncapi.yaml'));

const ajv = new Ajv2020({ strict: true, strictRequired: false, allErrors: true });
for (const [file, schema] of schemas) ajv.addSchema(schema, file);
const validates = (type, value) => {
  const validate = ajv.getSchema(`${type}.json`);
  assert.ok(validate, `a schema for ${type}`);
  return validate(value) || ajv.errorsText(validate.errors);
};

// Each way, by type: the schema's name. Two types go both ways, each with a shape of its own.
const toServer = {
  ...Object.fromEntries(['subscribe', 'unsubscribe', 'publish', 'ping', 'auth'].map((type) => [type, type])),
  history: 'history_request',
  presence: 'presence_request',
};
const toClient = Object.fromEntries(
  ['welcome', 'ok', 'error', 'message', 'history', 'presence', 'join', 'leave', 'subscribed', 'unsubscribed', 'gap', 'closing'].map(
    (type) => [type, type],
  ),
);
const ways = { to_server: toServer, to_client: toClient };

test('every schema is valid JSON Schema 2020-12', () => {
  for (const file of schemas.keys()) assert.ok(ajv.getSchema(file), file);
});

for (const { name, direction, frame } of golden)
  test(`the golden frame ${name} is valid by its schema`, () => {
    const value = JSON.parse(frame);
    assert.ok(ways[direction][value.type], value.type);
    assert.equal(validates(ways[direction][value.type], value), true);
  });

test('the schemas refuse what the server refuses', () => {
  const channel = 'a';
  const bad = [
    { type: 'subscribe', channel },
    { type: 'subscribe', id: 1 },
    { type: 'subscribe', id: 0, channel },
    { type: 'subscribe', id: 1.5, channel },
    { type: 'subscribe', id: 2 ** 53, channel },
    { type: 'subscribe', id: 1, channel: '' },
    { type: 'subscribe', id: 1, channel: 'a\n' },
    { type: 'unsubscribe', id: 1, channel: 'x'.repeat(256) },
    { type: 'publish', id: 1, channel },
    { type: 'publish', id: 1, channel, data: 1, text: 'a' },
    { type: 'publish', id: 1, channel, text: 1 },
    { type: 'publish', id: 1, channel, base64: 'a' },
    { type: 'ping', id: '1' },
    { type: 'subscribe', id: 1, channel, resume: null },
    { type: 'subscribe', id: 1, channel, resume: { epoch: 17, seq: 1 } },
    { type: 'subscribe', id: 1, channel, resume: { epoch: '017', seq: 1 } },
    { type: 'subscribe', id: 1, channel, resume: { epoch: '17' } },
    { type: 'subscribe', id: 1, channel, resume: { epoch: '17', seq: -1 } },
    { type: 'history', id: 1 },
    { type: 'history', id: 1, channel, limit: -1 },
    { type: 'history', id: 1, channel, reverse: 1 },
    { type: 'history', id: 1, channel, since: {} },
    { type: 'presence', channel },
    { type: 'auth', id: 1 },
    { type: 'auth', token: 'x' },
    { type: 'subscribe', id: 1, channel, token: 1 },
  ];
  for (const value of bad) assert.notEqual(validates(toServer[value.type], value), true, JSON.stringify(value));
});

test('unknown fields are no error, so that later versions may add them', () => {
  for (const { frame, direction } of golden) {
    const value = { ...JSON.parse(frame), later: { a: 1 } };
    assert.equal(validates(ways[direction][value.type], value), true);
  }
});

test('the schema of control says what the nodes take', () => {
  const good = [
    { type: 'disconnect', user: 'ada' },
    { type: 'disconnect', connection: 'ffffffffffffffff', code: 4999, reason: 'x' },
    { type: 'unsubscribe', user: 'ada', channel: 'chat:1', code: 3000 },
    { type: 'subscribe', connection: '1a', channel: 'chat:1' },
  ];
  const bad = [
    {},
    { type: 'disconnect' },
    { type: 'disconnect', user: 'ada', connection: '1' },
    { type: 'disconnect', user: 'ada', channel: 'a' },
    { type: 'disconnect', user: 'ada', node: 'n1' },
    { type: 'disconnect', connection: '01' },
    { type: 'disconnect', user: 'ada', code: 2999 },
    { type: 'unsubscribe', user: 'ada' },
    { type: 'subscribe', user: 'ada', channel: 'a', code: 4000 },
    { type: 'refresh', user: 'ada' },
  ];
  for (const command of good) assert.equal(validates('control', command), true, JSON.stringify(command));
  for (const command of bad) assert.notEqual(validates('control', command), true, JSON.stringify(command));
});

test('every error code of the schema has a golden frame and a line in the README', () => {
  const inSchema = schemas.get('error.json').properties.code.examples;
  const inGolden = golden.map(({ frame }) => JSON.parse(frame)).filter(({ type }) => type === 'error');
  const section = read('README.md').split('## Errors of barker.v1')[1].split('\n## ')[0];
  const inReadme = [...section.matchAll(/^\| `(\w+)` \| (yes|no) \|/gm)].map(([, code, retry]) => [code, retry === 'yes']);
  assert.deepEqual(new Set(inGolden.map(({ code }) => code)), new Set(inSchema));
  assert.deepEqual(inReadme.map(([code]) => code).sort(), [...inSchema].sort());
  for (const { code, retry } of inGolden) assert.equal(retry, new Map(inReadme).get(code), code);
});

const references = (node) =>
  Object.entries(node ?? {}).flatMap(([key, value]) =>
    key === '$ref' ? [value] : typeof value === 'object' ? references(value) : [],
  );

test('every reference of the AsyncAPI document leads somewhere', () => {
  for (const reference of references(asyncapi)) {
    if (reference.startsWith('./schemas/')) {
      assert.ok(schemas.has(reference.slice('./schemas/'.length)), reference);
      continue;
    }
    assert.ok(reference.startsWith('#/'), reference);
    const found = reference
      .slice(2)
      .split('/')
      .reduce((node, key) => node?.[key], asyncapi);
    assert.ok(found, reference);
  }
});

test('the AsyncAPI document has every type of frame, with its schema', () => {
  const messages = Object.keys(asyncapi.channels.barkerV1.messages);
  const inSchemas = messages.map((name) => asyncapi.components.messages[name].payload.$ref);
  const expected = [...Object.values(toServer), ...Object.values(toClient)].map((name) => `./schemas/${name}.json`);
  assert.deepEqual(inSchemas.sort(), expected.sort());
});
