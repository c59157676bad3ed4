// Through an ingress that lets no event through the page is live within five seconds all the same, and through a present one by the stream.

import { ingress } from './ingress.mjs';
import { expect, open, program, ready, until } from './tools.mjs';

export default async function oldIngress(browser) {
  const { address, end } = await program();
  for (const old of [false, true]) {
    const { page, context, notes } = await open(browser, await ingress(address, { old }));
    const asked = [];
    page.on('request', (request) => asked.push(request.url()));
    await ready(page);
    const before = await page.evaluate(() => document.querySelector('main').textContent);
    await until(() => page.evaluate((was) => document.querySelector('main').textContent !== was, before), `live, ${old ? 'old' : 'present'} ingress`, 6);
    if (old) await until(() => asked.some((one) => one.includes('state?since=')), 'polls behind an old ingress', 10);
    else expect(!asked.some((one) => one.includes('state?since=')), 'polls although events come');
    expect(!notes.length, `${old ? 'old' : 'present'} ingress: ${notes.join('; ').slice(0, 300)}`);
    await context.close();
  }
  await end();
}
