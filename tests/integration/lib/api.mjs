// The HTTP API of a node, as a backend asks it.
export class Api {
  constructor(node, secret = null) {
    this.node = node;
    this.secret = secret;
  }

  // {status, headers, body}: body is parsed when it is JSON. A body of its own is sent as JSON, a string as it stands.
  async request(method, path, { body, headers = {} } = {}) {
    const response = await fetch(this.node.adminUrl(`/api/v1${path}`), {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(this.secret ? { authorization: `Bearer ${this.secret}` } : {}),
        ...headers,
      },
      body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
      signal: AbortSignal.timeout(20_000),
    });
    const text = await response.text();
    const isJson = /^application\/(problem\+)?json$/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : null };
  }

  async post(path, body, headers) {
    return this.request('POST', path, { body, headers });
  }

  async get(path, parameters = {}) {
    const query = new URLSearchParams(parameters).toString();
    return this.request('GET', query ? `${path}?${query}` : path);
  }
}
