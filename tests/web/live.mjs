// Values come by themselves; a server that is away for twenty seconds is told and found again; a page that was updated says so; one out of sight is
// quiet and asks once when it is back.

import net from 'node:net';
import { atEnd, expect, open, program, ready, until } from './tools.mjs';

const AWAY = 20_000;

// A door before the program that can be shut: the program goes on, so that nothing is invented after it opens again.
async function door(upstream) {
  const to = new URL(upstream);
  const open = new Set();
  let shut = false;
  const server = net.createServer((socket) => {
    if (shut) { socket.destroy(); return; }
    const other = net.connect(Number(to.port), to.hostname);
    for (const [one, two] of [[socket, other], [other, socket]]) { one.pipe(two); one.on('error', () => two.destroy()); one.on('close', () => { two.destroy(); open.delete(one); }); open.add(one); }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(async () => { for (const one of open) one.destroy(); server.close(); });
  return { address: `http://127.0.0.1:${server.address().port}/`, shut: (is) => { shut = is; if (is) for (const one of open) one.destroy(); } };
}

const asked = (page) => { const list = []; page.on('request', (request) => { const at = request.url().indexOf('/api/v1/'); if (at > 0) list.push(request.url().slice(at + 8)); }); return list; };

export default async function live(browser) {
  const { address, end } = await program();
  const front = await door(address);
  const { page, context } = await open(browser, front.address);
  const requests = asked(page);
  await ready(page);
  const moved = async (what) => {
    const before = await page.evaluate(() => document.querySelector('main').textContent);
    await until(() => page.evaluate((was) => document.querySelector('main').textContent !== was, before), what, 10);
  };
  await moved('values move');
  expect(requests.filter((one) => one.startsWith('events')).length === 1, 'not one stream of events');

  front.shut(true);
  await until(() => page.locator('.bar-over.lost').count(), 'the bar that says that the connection is lost', 10);
  const ages = () => page.evaluate(() => [...document.querySelectorAll('.age[data-at]')].map((one) => one.textContent).join());
  const before = await ages();
  await page.waitForTimeout(AWAY);
  expect(await page.locator('.bar-over.lost').count() === 1, 'the bar does not stay');
  expect(await ages() !== before, 'ages do not go on');
  front.shut(false);
  await until(async () => !(await page.locator('.bar-over.lost').count()), 'the bar goes by itself', 10);
  await moved('values move again');

  // Out of sight for long: the stream is closed, and one question brings everything back.
  await page.clock.install();
  await page.evaluate(() => { Object.defineProperty(document, 'hidden', { configurable: true, get: () => true }); document.dispatchEvent(new Event('visibilitychange')); });
  await page.clock.fastForward(120_000);
  const closed = requests.length;
  await page.evaluate(() => { Object.defineProperty(document, 'hidden', { configurable: true, get: () => false }); document.dispatchEvent(new Event('visibilitychange')); });
  await until(() => requests.slice(closed).some((one) => one.startsWith('state')), 'asks for what has changed when back in sight');
  expect(requests.slice(closed).filter((one) => /^state\?since=\d+$/.test(one)).length === 1, `asks once: ${requests.slice(closed).join(', ')}`);
  await context.close();

  // Another build behind the same page.
  const second = await open(browser, address);
  await ready(second.page);
  await second.page.route('**/api/v1/', async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { ...await answer.json(), build: 'another' } });
  });
  await second.page.evaluate(() => { Object.defineProperty(document, 'hidden', { configurable: true, get: () => true }); });
  await second.page.clock.install();
  await second.page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await second.page.clock.fastForward(70_000);
  await second.page.evaluate(() => { Object.defineProperty(document, 'hidden', { configurable: true, get: () => false }); document.dispatchEvent(new Event('visibilitychange')); });
  await until(() => second.page.evaluate(() => /was updated/.test(document.querySelector('.bar-over')?.textContent ?? '')), 'says that it was updated');
  await second.context.close();
  await end();
}
