// Everything by keyboard: the skip link, the tabs, a card, the calendar, a chart, the way back, a question that is answered.

import { expect, open, program, ready, until } from './tools.mjs';

export default async function keyboard(browser) {
  const { address, end } = await program();
  const { page, context, notes } = await open(browser, address);
  await ready(page);
  const focused = () => page.evaluate(() => { const one = document.activeElement; return { tag: one.tagName, text: (one.getAttribute('aria-label') || one.textContent).trim().slice(0, 60), ring: getComputedStyle(one).outlineStyle, value: one.getAttribute('aria-valuetext') }; });
  const press = (key) => page.keyboard.press(key);
  const tabTo = async (is, what, most = 60) => {
    for (let i = 0; i < most; i += 1) {
      await press('Tab');
      const one = await focused();
      if (is(one)) { expect(one.ring !== 'none', `no focus ring on ${what}`); return one; }
    }
    expect(false, `${what} cannot be reached by Tab`);
    return null;
  };

  await press('Tab');
  expect((await focused()).text === 'To the content', 'the skip link does not come first');
  await press('Enter');
  expect(await page.evaluate(() => document.activeElement.id === 'main'), 'the skip link does not lead to the content');

  await page.evaluate(() => document.activeElement.blur());
  await page.reload();
  await ready(page);
  await tabTo((one) => one.tag === 'A' && one.text === 'Devices', 'the tab Devices');
  await press('Enter');
  await until(() => page.evaluate(() => location.hash === '#/devices' && document.querySelector('h1')?.textContent === 'Devices'), 'Devices by keyboard');
  // A moment after it is drawn.
  await until(() => page.evaluate(() => document.activeElement.id === 'main'), 'focus goes to the page that comes');
  await tabTo((one) => one.tag === 'INPUT', 'the search');
  const name = await page.evaluate(() => document.querySelector('.list li:last-child .who b').textContent);
  await page.keyboard.type(name);
  await until(() => page.evaluate((wanted) => [...document.querySelectorAll('.list li')].every((one) => one.textContent.includes(wanted)), name), 'the search narrows the list');
  await tabTo((one) => one.tag === 'A', 'a device of the list');
  await press('Enter');
  await until(() => page.evaluate(() => /^#\/devices\/\w+$/.test(location.hash)), 'a device by keyboard');

  const history = await page.evaluate(() => [...document.querySelectorAll('nav a')].some((one) => one.hash === '#/history'));
  if (history) {
    await page.evaluate(() => { location.hash = '#/history'; });
    await until(() => page.locator('.strip input').count(), 'the calendar');
    await page.locator('.strip input').focus();
    const before = await page.evaluate(() => document.querySelector('#h-when').textContent);
    await press('ArrowLeft');
    const day = new Date().getDate();
    if (day > 1) await until(() => page.evaluate((was) => document.querySelector('#h-when').textContent !== was, before), 'the calendar moves by arrow keys');
    if (await page.locator('watt-plot input').count()) {
      await page.locator('watt-plot input').first().focus();
      const read = () => page.evaluate(() => document.querySelector('watt-plot input').getAttribute('aria-valuetext'));
      const was = await read();
      await press('PageDown');
      expect(await read() !== was, 'PageDown does not read an hour earlier');
    }
  }

  // Light and dark by keyboard, kept over a reload.
  await page.evaluate(() => { location.hash = '#/more'; });
  await tabTo((one) => one.tag === 'BUTTON' && one.text === 'dark', 'dark');
  await press('Enter');
  expect(await page.evaluate(() => document.documentElement.dataset.theme) === 'dark', 'dark is not dark');
  await page.reload();
  expect(await page.evaluate(() => document.documentElement.dataset.theme) === 'dark', 'dark does not stay');
  await ready(page);
  await page.locator('select').last().selectOption('de');
  await until(() => page.evaluate(() => document.documentElement.lang === 'de' && /Jetzt/.test(document.querySelector('nav').textContent)), 'German');
  expect(!notes.length, notes.join('; ').slice(0, 300));
  await context.close();
  await end();
}
