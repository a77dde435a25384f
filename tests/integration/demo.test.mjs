// The demo page in a real Chromium. It shows its state in these elements:
//   #ready-state  CONNECTING, OPEN, CLOSING or CLOSED      #timeline span  its changes, newest first
//   #publish-input, #publish-button (enabled once subscribed), #close-button, #reconnect-button
//   #messages li[data-kind=data|text|base64|gap] pre, newest first      #message-count
//   #node-id, #connection-id      #hint  the redis-cli command      #note, #problem  in words
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { redisCli } from './lib/redis.mjs';
import { Scene, it } from './lib/scene.mjs';

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync);
const options = { skip: executablePath ? false : 'chromium is not installed' };
const scene = new Scene();
const node = await scene.barker(['--dev', '--node-id', 'demo-node']);
const browser = executablePath && await chromium.launch({
  executablePath,
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});

async function openPage(path = '/', { expectQuiet = true } = {}) {
  const context = await browser.newContext({ viewport: { width: 390, height: 800 } });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.problems = [];
  page.on('pageerror', (error) => page.problems.push(String(error)));
  page.on('console', (message) => {
    if (expectQuiet && message.type() === 'error') page.problems.push(message.text());
  });
  await page.goto(node.httpUrl(path));
  await page.waitForSelector('#publish-button:enabled');
  return page;
}
const state = (page, text) => page
  .waitForFunction((wanted) => document.getElementById('ready-state').textContent === wanted, text);
const heard = async (page, kind, text) => {
  await page.waitForFunction(
    ([of, wanted]) => document.querySelector(`#messages li[data-kind=${of}] pre`)?.textContent === wanted, [kind, text]);
};

it('what is typed in one window appears in the other', async () => {
  const one = await openPage(), other = await openPage();
  await one.fill('#publish-input', 'Hello there <b>&amp;');
  await one.press('#publish-input', 'Enter');
  await heard(other, 'data', 'Hello there <b>&amp;');
  await heard(one, 'data', 'Hello there <b>&amp;');
  await other.fill('#publish-input', '{"json":[1]}');
  await other.click('#publish-button');
  await heard(one, 'data', '{\n  "json": [\n    1\n  ]\n}');
  assert.equal(await one.textContent('#message-count'), '2');
  assert.deepEqual([...one.problems, ...other.problems], []);
}, options);

it('redis-cli PUBLISH appears on the page', async () => {
  const page = await openPage();
  await redisCli(node.embedded.port, 'PUBLISH', 'barker:demo', '{"hello":"world"}');
  await heard(page, 'data', '{\n  "hello": "world"\n}');
  await redisCli(node.embedded.port, 'PUBLISH', 'barker:demo', 'plain words');
  await heard(page, 'text', 'plain words');
  assert.match(await page.textContent('#hint'), /^redis-cli -p 6380 PUBLISH barker:demo '\{"hello":"world"\}'$/);
}, options);

it('the page shows node, connection and readyState OPEN', async () => {
  const page = await openPage();
  assert.equal(await page.textContent('#ready-state'), 'OPEN');
  assert.equal(await page.textContent('#node-id'), 'demo-node');
  assert.match(await page.textContent('#connection-id'), /^[\w-]{4,}$/);
}, options);

it('Close and Reconnect lead through every readyState', async () => {
  const page = await openPage();
  await page.click('#close-button');
  await state(page, 'CLOSED');
  await page.click('#reconnect-button');
  await state(page, 'OPEN');
  const changes = await page.$$eval('#timeline span', (spans) => spans.map((span) => span.textContent).reverse());
  assert.deepEqual(changes, ['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED', 'CONNECTING', 'OPEN']);
}, options);

it('the channel of the address is used', async () => {
  const page = await openPage('/?channel=it%27s+here'), elsewhere = await openPage();
  await scene.ioredis(node.embedded.port).publish('barker:it\'s here', '1');
  await heard(page, 'data', '1');
  assert.equal(await elsewhere.textContent('#message-count'), '0');
  assert.match(await page.textContent('#hint'), /'barker:it'\\''s here'/);
}, options);

it('the page reconnects by itself when the node is back', async () => {
  const first = await scene.barker(['--dev']);
  const address = `127.0.0.1:${first.address.port}`;
  const context = await browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  await page.goto(first.httpUrl('/'));
  await page.waitForSelector('#publish-button:enabled');
  await first.stop();
  await state(page, 'CLOSED');
  await page.waitForSelector('#publish-button:disabled');
  await scene.barker(['--dev', '--listen-address', address, '--embedded-address', '127.0.0.1:0'], { defaults: false });
  await state(page, 'OPEN');
  await page.waitForSelector('#publish-button:enabled');
}, options);

it('the page fits a phone and asks nothing of other hosts', async () => {
  const context = await browser.newContext({ viewport: { width: 320, height: 640 } });
  const page = await context.newPage();
  const hosts = new Set();
  page.on('request', (request) => hosts.add(new URL(request.url()).host));
  await page.goto(node.httpUrl('/'));
  await page.waitForSelector('#publish-button:enabled');
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  assert.deepEqual([...hosts], [`127.0.0.1:${node.address.port}`]);
}, options);

it('the page comes with its content type and a policy that admits nothing foreign', async () => {
  const response = await fetch(node.httpUrl('/'));
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'text/html; charset=utf-8');
  assert.match(response.headers.get('content-security-policy'), /default-src 'none'/);
  assert.match(await response.text(), /^<!doctype html>/);
});

it('the icon comes as SVG', async () => {
  const response = await fetch(node.httpUrl('/favicon.svg'));
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'image/svg+xml');
  assert.match(await response.text(), /^<svg/);
});

it('HEAD is answered without a body', async () => {
  const response = await fetch(node.httpUrl('/'), { method: 'HEAD' });
  assert.equal(response.status, 200);
  assert.equal(await response.text(), '');
});

it('there is no demo page outside development mode', async () => {
  const strict = await scene.barker();
  const response = await fetch(strict.httpUrl('/'));
  assert.equal(response.status, 404);
  await response.text();
  assert.deepEqual([node, strict].map((each) => each.events('development').length), [1, 0], 'the log warns of it');
});

it('the browser closes', () => browser.close(), options);

scene.endsClean();
