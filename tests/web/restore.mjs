// A backup is made on the page, looked through and put back; the page is there all the time.

import { readFileSync } from 'node:fs';
import { configured, expect, open, ready, until } from './tools.mjs';

export default async function restore(browser) {
  const { address, end } = await configured();
  const { page, context, notes } = await open(browser, `${address}#/backup`);
  await ready(page);
  const [made] = await Promise.all([page.waitForEvent('download'), page.locator('form button.main').click()]);
  const file = { name: 'house.backup', mimeType: 'application/octet-stream', buffer: readFileSync(await made.path()) };
  const section = page.locator('section[aria-labelledby="h-restore"]');
  const before = (await (await fetch(`${address}api/v1/`)).json()).started;

  // Something else first: it says why not, and the page is as it was.
  await section.locator('input[type=file]').setInputFiles({ ...file, buffer: Buffer.from('no backup') });
  await section.locator('button').first().click();
  await until(async () => /no backup of wattbridge/.test(await page.locator('main').textContent()), 'says that it is no backup');
  // The browser notes that answer too; that is all it may have noted.
  expect(notes.every((one) => one.includes('422')), `unexpected: ${notes.join('; ')}`);
  notes.length = 0;

  await section.locator('input[type=file]').setInputFiles(file);
  await section.locator('button').first().click();
  await until(() => section.locator('button.main').count(), 'says what is in it');
  const said = await section.textContent();
  for (const words of ['3 sections', '1 device', 'In place of:']) expect(said.includes(words), `not said: ${words}: ${said}`);
  await section.locator('button.main').click();
  await page.locator('dialog button.main').click();
  await until(() => section.locator('[role=status]').count(), 'says that it is restored', 60);
  expect(/before-restore-/.test(await section.textContent()), 'where what was there is kept');
  await until(async () => {
    const about = await (await fetch(`${address}api/v1/`)).json();
    const { devices } = await (await fetch(`${address}api/v1/state`)).json();
    return about.started >= before && !about.safe_mode && devices.some((one) => one.values.power === 42);
  }, 'everything runs again', 30);
  for (const note of new Set(notes)) expect(/503|ERR_/.test(note), note);
  await context.close();
  await end();
}
