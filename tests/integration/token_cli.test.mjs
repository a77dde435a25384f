// keygen and token on the command line, judged by an implementation that is not ours: node's own.
import assert from 'node:assert/strict';
import { createHmac, createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { barker } from './lib/barker.mjs';
import { Scene, it } from './lib/scene.mjs';

const EX_USAGE = 64, EX_DATAERR = 65;
const scene = new Scene();
const file = (name, text) => {
  const path = join(scene.folder, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
};

async function lines(...args) {
  const { code, out, errors } = await barker(args);
  assert.equal(code, 0, errors);
  assert.equal(errors, '');
  return out.trimEnd().split('\n');
}

const decode = (part) => JSON.parse(Buffer.from(part, 'base64url').toString());

it('a key of keygen signs a token that its public half verifies elsewhere', async () => {
  const [secret, open] = await lines('keygen');
  assert.ok(JSON.parse(secret).d);
  assert.equal(JSON.parse(open).d, undefined);
  const [token] = await lines('token', '--key', file('key.jwk', secret), '--sub', 'alice', '--subscribe', 'chat:*');
  const [header, payload, signature] = token.split('.');
  const key = createPublicKey({ key: JSON.parse(open), format: 'jwk' });
  assert.ok(verify(null, Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url')));
  assert.deepEqual(decode(header), { alg: 'EdDSA', typ: 'JWT', kid: JSON.parse(open).kid });
  const { sub, subscribe, iat, exp } = decode(payload);
  assert.deepEqual([sub, subscribe, exp - iat], ['alice', ['chat:*'], 3600]);
});

it('a secret of keygen signs a token that others verify with the same', async () => {
  const [secret, ...rest] = await lines('keygen', '--algorithm', 'hs256');
  assert.deepEqual(rest, []);
  const [token] = await lines('token', '--key', file('secret.jwk', secret), '--sub', 'bob');
  const [header, payload, signature] = token.split('.');
  const expected = createHmac('sha256', Buffer.from(JSON.parse(secret).k, 'base64url')).update(`${header}.${payload}`);
  assert.equal(signature, expected.digest('base64url'));
});

it('a PEM file of openssl or node signs as well', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const path = file('key.pem', privateKey.export({ format: 'pem', type: 'pkcs8' }));
  const [token] = await lines('token', '--key', path);
  const [header, payload, signature] = token.split('.');
  assert.ok(verify(null, Buffer.from(`${header}.${payload}`), publicKey, Buffer.from(signature, 'base64url')));
});

it('a mistake is told, and never with the key', async () => {
  const short = await barker(['token', '--key', 'hs256:Geheim', '--sub', 'alice']);
  assert.equal(short.code, EX_DATAERR);
  assert.match(short.errors, /32 to 1024 bytes/);
  assert.doesNotMatch(short.errors + short.out, /Geheim/);
  const broken = await barker(['token', '--key', file('broken.jwk', '{"kty":"oct","k":"Geheim"')]);
  assert.equal(broken.code, EX_DATAERR);
  assert.doesNotMatch(broken.errors + broken.out, /Geheim/);
  assert.equal((await barker(['token', '--sub', 'alice'])).code, EX_USAGE);
});
