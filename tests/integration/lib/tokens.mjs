// Tokens as a backend makes them: JWT by HS256 (RFC 7515).
import { createHmac, randomBytes } from 'node:crypto';
import { note } from './secrets.mjs';

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
export const nowSeconds = () => Math.floor(Date.now() / 1000);

export class Signer {
  secret = randomBytes(24).toString('base64url'); // 32 letters
  made = []; // every token, so that a test can look for them in a log

  get key() {
    return `hs256:${this.secret}`;
  }

  sign(claims, { header = { alg: 'HS256' }, secret = this.secret } = {}) {
    const text = `${encode(header)}.${encode(claims)}`;
    const token = `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
    this.made.push(token);
    note(token);
    note(token.split('.')[2]);
    return token;
  }
}

// What connecting with a token in that place takes: {path, protocols, options}. ada's page is the node's own.
export const PLACES = {
  none: (token, path) => ({ path }),
  authorization: (token, path) => ({ path, options: { headers: { Authorization: `Bearer ${token}` } } }),
  subprotocol: (token, path) => ({ path, protocols: ['barker.v1', `bearer.${token}`] }),
  query: (token, path) => ({ path: `${path}${path.includes('?') ? '&' : '?'}token=${token}` }),
  cookie: (token, path, origin) => ({ path, options: { origin, headers: { Cookie: `theme=dark; session=${token}` } } }),
  'cookie, no Origin': (token, path) => ({ path, options: { headers: { Cookie: `session=${token}` } } }),
  'cookie, other Origin': (token, path) => ({
    path, options: { origin: 'https://evil.example', headers: { Cookie: `session=${token}` } },
  }),
  message: (token, path) => ({ path, message: token }),
};
