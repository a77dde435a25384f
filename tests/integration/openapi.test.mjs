// The OpenAPI document is valid by a public validator, and a running node does what it says: every call of it is made, and every answer
// is valid by the schema that it has there.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import Ajv2020 from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { Api } from './lib/api.mjs';
import { Scene, it } from './lib/scene.mjs';
import { Signer, nowSeconds } from './lib/tokens.mjs';

const read = () => parse(readFileSync(new URL('../../proto/openapi.yaml', import.meta.url), 'utf8'));
const document = read();
const scene = new Scene();
const signer = new Signer();
const KEY = 'openapi-manager-secret';
const node = await scene.barker([
  '--admin-token', KEY, '--api-keys', 'publish:openapi-publisher-secret', '--namespace-chat-history', '100',
  '--namespace-chat-presence', 'yes', '--auth-keys', signer.key,
]);
const api = new Api(node, KEY);

const ajv = new Ajv2020({ strict: false, allErrors: true });
ajv.addSchema(document, 'openapi');
const escape = (text) => text.replaceAll('~', '~0').replaceAll('/', '~1');

// The node of the document at the end of those names, through references; and its pointer.
function resolve(...names) {
  let pointer = '';
  let found = document;
  for (const name of names) {
    pointer += `/${escape(name)}`;
    found = found?.[name];
    if (found?.$ref) {
      pointer = found.$ref.slice(1);
      found = pointer.slice(1).split('/').reduce((part, key) => part?.[key.replaceAll('~1', '/').replaceAll('~0', '~')], document);
    }
  }
  return { pointer, found };
}

function assertValid(value, pointer) {
  const validate = ajv.getSchema(`openapi#${encodeURI(pointer)}`);
  assert.ok(validate, `a schema at ${pointer}`);
  assert.ok(validate(value), `${pointer}: ${ajv.errorsText(validate.errors)} in ${JSON.stringify(value)}`);
}

function assertDocumented(path, method, answer) {
  const { pointer, found } = resolve('paths', path, method, 'responses', String(answer.status));
  assert.ok(found, `${method} ${path} has no answer ${answer.status}: ${answer.text}`);
  const type = answer.headers.get('content-type');
  assert.ok(found.content[type], `${method} ${path} ${answer.status}: ${type}`);
  assertValid(answer.body, `${pointer}/content/${escape(type)}/schema`);
  for (const name of Object.keys(found.headers ?? {})) {
    const header = resolve(...pointer.slice(1).split('/').map((key) => key.replaceAll('~1', '/')), 'headers', name);
    const value = answer.headers.get(name);
    assert.ok(value !== null || !header.found.required, `${method} ${path} ${answer.status} has no ${name}`);
    if (value !== null) assertValid(value, `${header.pointer}/schema`);
  }
}

const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })));
const examples = ({ operation }) =>
  Object.values(operation.requestBody?.content['application/json'].examples ?? { none: {} }).map(({ value }) => value);
const QUERIES = {
  '/history': { channel: 'chat:7', limit: '2', since_epoch: '17', since_seq: '1', order: 'reverse' },
  '/presence': { channel: 'chat:7' },
  '/channels': { pattern: 'chat:*', limit: '10' },
  '/connections': { user: 'ada', limit: '10' },
};
const ask = ({ path, method }, value) =>
  (method === 'get' ? api.get(path, QUERIES[path]) : api.post(path, value));

it('a public validator finds nothing wrong with the document', async () => {
  const { valid, errors } = await new Validator().validate(read());
  assert.ok(valid, JSON.stringify(errors));
});

it('every example is valid by its schema', () => {
  for (const { path, method, operation } of operations) {
    const base = `/paths/${escape(path)}/${method}`;
    for (const value of examples({ operation }).filter(Boolean))
      assertValid(value, `${base}/requestBody/content/application~1json/schema`);
    for (const status of Object.keys(operation.responses)) {
      const { pointer, found } = resolve('paths', path, method, 'responses', status);
      for (const [type, { example }] of Object.entries(found.content))
        assertValid(example, `${pointer}/content/${escape(type)}/schema`);
    }
  }
});

it('every call of the document is answered as it says', async () => {
  const client = await scene.connectV1(node.url(`/ws?token=${signer.sign({ sub: 'ada', exp: nowSeconds() + 600 })}`));
  assert.equal((await client.ask({ type: 'subscribe', channel: 'chat:7' })).type, 'ok');
  const { body: before } = await api.get('/presence', { channel: 'chat:7' });
  assert.deepEqual(before.members, [{ user: 'ada', connections: 1 }]);
  for (const operation of operations)
    for (const value of examples(operation)) {
      const answer = await ask(operation, value);
      assert.equal(answer.status, 200, `${operation.path}: ${answer.text}`);
      assertDocumented(operation.path, operation.method, answer);
    }
  assertDocumented('/history', 'get', await api.get('/history', { channel: 'chat:7' }));
  assertDocumented('/connections', 'get', await api.get('/connections', { slow: '1' }));
});

it('refusals are answered as it says', async () => {
  const stranger = new Api(node);
  const publisher = new Api(node, 'openapi-publisher-secret');
  for (const { path, method, operation } of operations) {
    const [value] = examples({ operation });
    const upper = method.toUpperCase();
    const body = method === 'get' ? undefined : value;
    const refusals = [
      [await stranger.request(upper, path, { body }), 401],
      [await publisher.request(upper, path, { body }), operation.tags[0] === 'publish' ? 200 : 403],
      [await api.request(upper, `${path}?nobody=knows`, { body }), method === 'get' ? 422 : 400],
    ];
    if (method === 'post')
      refusals.push(
        [await api.post(path, '{'), 400],
        [await api.post(path, { nobody: 'knows' }), 422],
        [await api.post(path, 'a=1', { 'content-type': 'application/x-www-form-urlencoded' }), 415],
        [await api.post(path, `"${'x'.repeat(2 << 20)}"`), 413],
      );
    for (const [answer, status] of refusals) {
      assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`);
      assertDocumented(path, method, answer);
    }
  }
  for (const { path, method } of operations) {
    const isBoth = document.paths[path].get && document.paths[path].post;
    const answer = await api.request(isBoth ? 'PUT' : method === 'get' ? 'POST' : 'GET', path, isBoth || method === 'post' ? {} : { body: {} });
    assert.equal(answer.status, 405, `${path}: ${answer.text}`);
    assertDocumented(path, method, answer);
  }
  assertDocumented('/history', 'get', await api.get('/history', { channel: 'live' }));
  assertDocumented('/presence', 'get', await api.get('/presence', { channel: 'live' }));
});

it('what the document says is wrong is refused', async () => {
  const bad = [
    ['/publish', { channel: '', data: 1 }],
    ['/publish', { channel: 'a\u0007', data: 1 }],
    ['/publish', { channel: 'x'.repeat(256), data: 1 }],
    ['/publish', { channel: 'a', data: 1, text: 'b' }],
    ['/publish', { channel: 'a', base64: 'a' }],
    ['/publish', { channel: 'a', data: 1, idempotency_key: 'a b' }],
    ['/broadcast', { channels: [], data: 1 }],
    ['/broadcast', { channels: ['a', 'a'], data: 1 }],
    ['/batch', { messages: [] }],
    ['/batch', { messages: [{ channel: 'a', data: 1 }, { channel: 'b' }] }],
    ['/history', { channel: 'chat:7', limit: 1001 }],
    ['/history', { channel: 'chat:7', since: { epoch: 17, seq: 1 } }],
    ['/history', { channel: 'chat:7', order: 'up' }],
    ['/connections', { slow: 'yes' }],
    ['/disconnect', { user: 'ada', connection: '1f' }],
    ['/disconnect', { user: 'ada', code: 1000 }],
    ['/subscribe', { user: 'ada' }],
    ['/unsubscribe', { channel: 'news' }],
  ];
  for (const [path, value] of bad) {
    const { pointer } = resolve('paths', path, 'post', 'requestBody', 'content', 'application/json', 'schema');
    assert.equal(ajv.getSchema(`openapi#${pointer}`)(value), false, `${path} ${JSON.stringify(value)}`);
    const answer = await api.post(path, value);
    assert.equal(answer.status, 422, answer.text);
    assertDocumented(path, 'post', answer);
  }
});

scene.endsClean();
