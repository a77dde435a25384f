// A certificate authority and a server's certificate for 127.0.0.1 and localhost, made by openssl.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './child.mjs';

const LOCAL = 'IP:127.0.0.1, DNS:localhost';

async function openssl(...args) {
  const { code, errors } = await run('openssl', args);
  if (code !== 0) throw new Error(`openssl ${args.join(' ')}: ${errors}`);
}

// names: what the certificate is for, as openssl writes it. authority: what an earlier call gave, else a new one is made.
export async function makeCertificates(folder, name = 'tls', names = LOCAL, authority = null) {
  const file = (suffix) => join(folder, `${name}-${suffix}`);
  const { ca, caKey } = authority ?? { ca: file('ca.crt'), caKey: file('ca.key') };
  const files = { ca, caKey, certificate: file('server.crt'), key: file('server.key') };
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  if (!authority)
    await openssl('req', '-x509', ...newKey, '-days', '2', '-subj', '/CN=barker test authority', '-keyout', caKey, '-out', ca);
  await openssl('req', ...newKey, '-subj', '/CN=localhost', '-keyout', files.key, '-out', file('server.csr'));
  writeFileSync(file('extensions'), `subjectAltName = ${names}\nbasicConstraints = CA:FALSE\n`);
  await openssl('x509', '-req', '-in', file('server.csr'), '-CA', ca, '-CAkey', caKey, '-CAcreateserial',
    '-days', '2', '-extfile', file('extensions'), '-out', files.certificate);
  return files;
}
