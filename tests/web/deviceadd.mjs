// "+ Device": from an empty folder to a device that is heard, by keyboard alone; what is wrong is said where it was typed; on a phone and on a
// desk, light and dark, in each language axe finds nothing and nothing is too wide.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atEnd, expect, open, until } from './tools.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
// A network of this computer that hardly anybody else uses.
const ECU = `127.${1 + (process.pid % 250)}.${1 + ((process.pid >> 8) % 250)}.5`;
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('WATTBRIDGE')));

function started(args, options) {
  const child = spawn(process.env.WATTBRIDGE, args, { env: environment, stdio: 'ignore', ...options });
  const end = async () => { if (child.exitCode == null && child.signalCode == null) { child.kill('SIGTERM'); await once(child, 'exit'); } };
  atEnd(end);
  return end;
}

/** The program as somebody has it who has just installed it, and an ECU in the network. */
async function fresh() {
  const folder = mkdtempSync(join(tmpdir(), 'wattbridge-add-'));
  const port = await new Promise((resolve) => { const server = createServer().listen(0, '127.0.0.1', () => { const { port: free } = server.address(); server.close(() => resolve(free)); }); });
  const env = { ...environment, WATTBRIDGE_WEB_LISTEN: `127.0.0.1:${port}`, WATTBRIDGE_HOME_ASSISTANT_ENABLED: 'false' };
  const ends = [started(['run', '--await-config'], { cwd: folder, env }), started(['simulate', 'aps-ecu', '--listen', `${ECU}:8899`, '--inverters', '2xDS3', '--start-time', '12:00'])];
  const address = `http://127.0.0.1:${port}/`;
  await until(async () => (await fetch(`${address}api/v1`)).ok, 'the page of an empty folder');
  return { address, folder, end: async () => { for (const end of ends) await end(); rmSync(folder, { recursive: true, force: true }); } };
}

/** Goes on by Tab until it is there. */
async function tabTo(page, is, what, most = 40) {
  for (let i = 0; i < most; i += 1) {
    await page.keyboard.press('Tab');
    const one = await page.evaluate(() => { const it = document.activeElement; return { id: it.id, tag: it.tagName, text: (it.getAttribute('aria-label') || it.textContent).trim(), ring: getComputedStyle(it).outlineStyle }; });
    if (is(one)) { expect(one.ring !== 'none', `no focus ring on ${what}`); return; }
  }
  expect(false, `${what} cannot be reached by Tab`);
}

const text = (page) => page.evaluate(async () => (await (await fetch('api/v1/config')).json()).text);
const written = (page) => page.evaluate(() => document.querySelector('watt-editor').shadowRoot.querySelector('.cm-content').innerText);

async function byKeyboard(browser, address) {
  const { page, context, notes } = await open(browser, address);
  await page.locator('main h1').waitFor();
  await tabTo(page, (one) => one.tag === 'A' && one.text === 'Device', '+ Device on the first page');
  await page.keyboard.press('Enter');
  await until(() => page.locator('dialog .kinds button').count(), 'the kinds of devices');
  await until(() => page.evaluate(() => !!document.activeElement.closest('.kinds')), 'focus goes to the kinds');
  expect((await page.evaluate(() => document.activeElement.textContent)).includes('APsystems ECU'), 'the first kind is another one');
  await page.keyboard.press('Enter');
  await until(() => page.evaluate(() => document.activeElement.id === 'add-network'), 'focus goes to the form');

  // What lacks is said at its field, before anything is written.
  await tabTo(page, (one) => one.text === 'Write into the file', 'the button that writes');
  await page.keyboard.press('Enter');
  await until(() => page.evaluate(() => document.activeElement.id === 'add-host' && document.activeElement.getAttribute('aria-invalid') === 'true'), 'the field that lacks is named');
  expect((await page.locator('dialog .wrong').textContent()).includes('address'), 'what lacks is not said');
  await page.screenshot({ path: `${process.env.PICTURES}/add-wrong.png` });

  // It is found, and its address comes by itself.
  await page.locator('#add-network').focus();
  await page.keyboard.press('ControlOrMeta+A');
  await page.keyboard.type(ECU.replace(/5$/, '0/28'));
  await page.keyboard.press('Enter');
  await until(() => page.evaluate((wanted) => document.getElementById('add-host').value === wanted, ECU), 'the ECU is found', 45);
  await page.screenshot({ path: `${process.env.PICTURES}/add-found.png` });
  await tabTo(page, (one) => one.id === 'add-name', 'the name');
  await page.keyboard.type('Roof "south"');
  await tabTo(page, (one) => one.text === 'Write into the file', 'the button that writes');
  await page.keyboard.press('Enter');
  await until(() => page.locator('dialog').count().then((n) => n === 0), 'the dialog closes');
  const section = `[[aps_ecu]]\nhost = "${ECU}"\nname = "Roof \\"south\\""`;
  await until(async () => (await written(page)).includes(section), 'the section is in the editor');
  expect(!(await text(page)).includes(section), 'it is in the file before somebody saves it');
  await until(() => page.evaluate(() => /No problems/.test(document.querySelector('.problems').textContent)), 'the section is checked');
  await until(() => page.locator('.ctl .btn.main:not([disabled])').count(), 'it can be saved');
  await page.screenshot({ path: `${process.env.PICTURES}/add-editor.png` });

  await page.locator('.ctl .btn').first().focus();
  await tabTo(page, (one) => one.text === 'Save and use', 'Save and use');
  await page.keyboard.press('Enter');
  await until(async () => (await text(page)).includes(section), 'it is in the file');
  await until(() => page.evaluate(async () => (await (await fetch('api/v1')).json()).safe_mode == null), 'it runs', 30);
  const hour = new Date().getHours();
  // An ECU is left alone while it maintains itself.
  if (hour < 2 || hour > 3) await until(() => page.evaluate(async () => (await (await fetch('api/v1/devices')).json()).devices.some((one) => one.name === 'Roof "south"')), 'the ECU is heard', 45);
  expect(!notes.length, notes.join('; ').slice(0, 300));
  await context.close();
}

/** Each kind of device as it is asked for. */
async function forms(browser, address) {
  for (const [locale, colorScheme, width] of [['en-GB', 'light', 1280], ['de-AT', 'dark', 390], ['fr-FR', 'light', 320], ['fr-FR', 'dark', 768]]) {
    const { page, context, notes } = await open(browser, `${address}#/settings?add`, { locale, colorScheme, viewport: { width, height: 800 } });
    const look = async (where) => {
      const over = await page.evaluate(() => { const it = document.querySelector('dialog'); return Math.max(it.scrollWidth - it.clientWidth, document.documentElement.scrollWidth - document.documentElement.clientWidth); });
      expect(over <= 0, `${where}: ${over} px too wide`);
      const small = await page.evaluate(() => [...document.querySelectorAll('dialog button,dialog input,dialog select,dialog summary')].filter((one) => one.checkVisibility()).map((one) => [one, one.getBoundingClientRect()])
        .filter(([, box]) => box.width < 24 || box.height < 24).map(([one]) => one.outerHTML.slice(0, 80)));
      expect(!small.length, `${where}: too small: ${small.join()}`);
      if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe);
      const { violations } = await page.evaluate((tags) => window.axe.run(document.querySelector('dialog'), { runOnly: tags, resultTypes: ['violations'] }), RULES);
      for (const one of violations) expect(false, `${where}: axe ${one.id}: ${one.nodes.slice(0, 2).map((node) => node.target).join(' | ')}`);
      await page.screenshot({ path: `${process.env.PICTURES}/${where.replace(/\W+/g, '-')}.png` });
    };
    await until(() => page.locator('dialog .kinds button').count(), 'the kinds of devices');
    const count = await page.locator('dialog .kinds button').count();
    await look(`add, ${width}, ${colorScheme}`);
    for (let n = 0; n < count; n += 1) {
      await page.locator('dialog .kinds button').nth(n).click();
      await page.locator('dialog form').waitFor();
      await look(`add, ${n}, ${width}, ${colorScheme}`);
      await page.locator('dialog details summary').click();
      await look(`add, ${n}, all, ${width}, ${colorScheme}`);
      await page.locator('dialog form .row .btn').first().click();
    }
    // A sensor that prints lines: a value of a line, and a pattern full of backslashes.
    await page.locator('dialog .kinds button').nth(4).click();
    for (const [id, value] of [['add-id', 'clamp'], ['add-port', '/dev/ttyACM0'], ['add-baud', '19200'], ['add-pattern', '^(\\d+)A$'], ['add-values-0-id', 'current']]) await page.locator(`#${id}`).fill(value);
    await page.locator('#add-values-0-quantity').selectOption('current');
    await page.locator('dialog form .btn.main').click();
    await until(async () => (await written(page)).includes('baud = 19200\npattern = \'^(\\d+)A$\'\nvalues = [{ id = "current", quantity = "current" }]'), `${locale}: a sensor is written`);
    expect((await written(page)).includes('[[text]]\nid = "clamp"\nport = "/dev/ttyACM0"\n'), `${locale}: the sensor has its port`);
    await until(() => page.locator('.problems .fine').count(), `${locale}: the sensor is right`);
    // A smart meter beside it, whose key nobody sees while it is typed.
    await page.locator('.ctl .btn').first().click();
    await until(() => page.locator('dialog .kinds button').count(), 'the kinds of devices, once more');
    await page.locator('dialog .kinds button').nth(2).click();
    await page.locator('#add-port').fill('/dev/ttyUSB0');
    await page.locator('#add-key').fill('00112233');
    expect(await page.locator('#add-key').getAttribute('type') === 'password', 'a key is shown while it is typed');
    await page.locator('dialog form .btn.main').click();
    await until(() => page.locator('#add-key[aria-invalid=true]').count(), `${locale}: a short key is refused`);
    await page.locator('#add-key').fill('00112233445566778899AABBCCDDEEFF');
    await page.locator('dialog form .btn.main').click();
    await until(async () => (await written(page)).includes('key = "00112233445566778899AABBCCDDEEFF"'), `${locale}: a smart meter is written`);
    expect(!notes.length, notes.join('; ').slice(0, 300));
    await context.close();
  }
}

export default async function deviceadd(browser) {
  if (process.env.ADDRESS) return;
  const { address, end } = await fresh();
  await forms(browser, address);
  await byKeyboard(browser, address);
  await end();
}
