// The admin page in a real Chromium, on the admin address.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { Scene, it } from './lib/scene.mjs';
import { until } from './lib/wait.mjs';

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync);
const options = { skip: executablePath ? false : 'chromium is not installed' };
const scene = new Scene();
const node = await scene.barker(['--dev', '--node-id', 'admin-node']);
const locked = await scene.barker(['--dev', '--admin-token', 'a-token-of-the-operator']);
const browser = executablePath && await chromium.launch({
  executablePath,
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});

async function openPage(at, settings = {}) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, ...settings });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.problems = [];
  page.asked = [];
  page.on('pageerror', (error) => page.problems.push(String(error)));
  page.on('request', (request) => page.asked.push(request.url()));
  await page.goto(at.adminUrl('/'));
  return page;
}
const shows = (page, id, text) => page.waitForFunction(
  ([where, wanted]) => document.getElementById(where).textContent.includes(wanted), [id, text]);

it('it shows the node, its connections and its channels, and asks nobody else', async () => {
  const client = await scene.connectV1(node.url('/ws?user=ada'));
  await client.ask({ type: 'subscribe', channel: 'news' });
  const page = await openPage(node);
  await shows(page, 'node-id', 'admin-node');
  await shows(page, 'health', 'ready');
  await shows(page, 'channels', 'news');
  await page.waitForFunction(() => document.querySelector('#tiles dd').textContent === '1');
  const elsewhere = page.asked.filter((url) => new URL(url).host !== `${node.admin.host}:${node.admin.port}`);
  assert.deepEqual(elsewhere, []);
  assert.deepEqual(page.problems, []);
  client.terminate();
}, options);

it('it shows each server of Redis, and that there is none', async () => {
  const redis = await scene.redis();
  const page = await openPage(await scene.barker(['--redis-url', redis.url]));
  await shows(page, 'links', `127.0.0.1:${redis.port}`);
  await shows(page, 'links-count', '1 of 1 up');
  await redis.kill();
  await shows(page, 'links', 'DOWN');
  assert.deepEqual(page.problems, []);
  const alone = await openPage(node);
  await shows(alone, 'links', 'there are none');
}, options);

it('a user is found and disconnected with the keyboard alone', async () => {
  const ada = await scene.connectV1(node.url('/ws?user=ada')), bob = await scene.connectV1(node.url('/ws?user=bob'));
  const page = await openPage(node);
  await page.waitForSelector('#main:not([hidden])');
  await page.focus('#find-text');
  await page.keyboard.type('ada');
  await page.keyboard.press('Enter');
  await shows(page, 'found', ada.welcome.connection);
  assert.ok(!(await page.textContent('#found')).includes(bob.welcome.connection));
  await page.keyboard.press('Tab'); // Find
  await page.keyboard.press('Tab'); // Disconnect everywhere
  await page.keyboard.press('Enter');
  await page.waitForSelector('#confirm[open]');
  await page.keyboard.press('Enter'); // Cancel has the focus
  await page.waitForSelector('#confirm:not([open])', { state: 'attached' });
  assert.equal(ada.closed, null);
  await page.keyboard.press('Enter');
  await page.waitForSelector('#confirm[open]');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  assert.equal((await ada.end()).code, 4403);
  assert.equal(bob.closed, null);
  await shows(page, 'found', 'None');
  assert.deepEqual(page.problems, []);
}, options);

it('names that clients chose are text on the page and never markup', async () => {
  const user = '<img src=x onerror="window.struck = 1"><script>window.struck = 2</script>', channel = `">${user}`;
  const client = await scene.connectV1(node.url(`/ws?user=${encodeURIComponent(user)}`));
  await client.ask({ type: 'subscribe', channel });
  const page = await openPage(node);
  await shows(page, 'channels', channel);
  await page.fill('#find-text', user);
  await page.press('#find-text', 'Enter');
  await shows(page, 'found', client.welcome.connection);
  await page.click('#find-disconnect');
  await page.waitForSelector('#confirm[open]');
  assert.ok((await page.textContent('#confirm')).includes(user));
  await page.keyboard.press('Escape');
  await page.fill('#publish-channel', channel);
  await page.fill('#publish-data', user);
  await page.press('#publish-data', 'Enter');
  await shows(page, 'publish-said', channel);
  assert.equal(await page.evaluate(() => window.struck ?? document.querySelectorAll('img[src="x"], main script').length), 0);
  assert.deepEqual(page.problems, []);
  client.terminate();
}, options);

it('a test message is published', async () => {
  const client = await scene.connectV1(node.url('/ws'));
  await client.ask({ type: 'subscribe', channel: 'news' });
  const page = await openPage(node);
  await page.waitForSelector('#main:not([hidden])');
  await page.fill('#publish-channel', 'news');
  await page.fill('#publish-data', '{"hello": ["<b>"]}');
  await page.press('#publish-data', 'Enter');
  assert.deepEqual((await client.nextJson()).data, { hello: ['<b>'] });
  await shows(page, 'publish-said', 'news');
  await page.fill('#publish-channel', 'x'.repeat(300));
  await page.fill('#publish-data', 'x');
  await page.press('#publish-data', 'Enter');
  await page.waitForSelector('#publish-said.is-bad');
}, options);

it('with a token it asks for it, and again after a wrong one', async () => {
  const page = await openPage(locked);
  await page.waitForSelector('#login:not([hidden])');
  await page.fill('#token', 'a wrong one, long enough');
  await page.press('#token', 'Enter');
  await shows(page, 'login-said', 'opens nothing');
  await page.fill('#token', 'a-token-of-the-operator');
  await page.press('#token', 'Enter');
  await page.waitForSelector('#main:not([hidden])');
  assert.deepEqual(page.problems, []);
}, options);

it('it is light or dark as the system is, and fits a phone', async () => {
  const colours = [];
  for (const colorScheme of ['light', 'dark']) {
    const page = await openPage(node, { colorScheme, viewport: { width: 390, height: 800 } });
    await page.waitForSelector('#main:not([hidden])');
    colours.push(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'it does not scroll sideways');
    const folder = process.env.TEST_PICTURES;
    if (folder) await page.screenshot({ path: `${folder}/admin-${colorScheme}.png`, fullPage: true });
  }
  assert.notEqual(colours[0], colours[1]);
}, options);

it('it stops answering without a fuss when the node goes', async () => {
  const gone = await scene.barker(['--dev']);
  const page = await openPage(gone);
  await shows(page, 'health', 'ready');
  await gone.stop();
  await until(async () => (await page.textContent('#health')) === 'no answer', 'the page to tell');
  assert.deepEqual(page.problems, []);
}, options);

it('the browser ends', async () => {
  await browser?.close();
});
scene.endsClean();
