// Each page at each width, light and dark, direct and through ingress: nobody else is asked, nothing is on the console, nothing is wider than the
// screen, nothing to press is too small, axe finds nothing.

import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { configured, expect, open, program, ready, wrong } from './tools.mjs';
import { ingress } from './ingress.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const WIDTHS = [320, 360, 390, 768, 1280];
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
// One more language for each way, since words are of different lengths.
const LANGUAGES = { direct: { light: 'en-GB', dark: 'de-AT' }, ingress: { light: 'fr-FR', dark: 'en-GB' } };
const AT_ONCE = 4;

// What each feature of the program brings.
const PAGES = { history: ['history', 'history/month', 'history/year', 'history/all', 'history/statistics', 'roof', 'roof/arrange'],
  log: ['log'], settings: ['settings'], energy_dashboard: ['energy'], support: ['support'], backup: ['backup'] };
const pagesOf = (features, devices) => ['now', 'devices', ...devices, 'more', 'about', ...features.flatMap((one) => PAGES[one] ?? [])];

const small = () => {
  const found = [];
  const visible = (one) => { const box = one.getBoundingClientRect(); const style = getComputedStyle(one); return box.width > 1 && box.height > 1 && style.visibility !== 'hidden' && style.pointerEvents !== 'none' && !one.closest('.vh'); };
  for (const one of document.querySelectorAll('a,button,input,select,summary,textarea,[tabindex="0"]')) {
    const box = one.getBoundingClientRect();
    if (visible(one) && (box.width < 24 || box.height < 24) && !one.closest('.skip')) found.push(`${one.tagName} ${one.textContent.trim().slice(0, 30)} ${Math.round(box.width)}x${Math.round(box.height)}`);
  }
  return found;
};

async function check({ browser, way, base, theme, name }) {
  const { page, context, notes } = await open(browser, `${base}#/${name}`, { colorScheme: theme, locale: LANGUAGES[way][theme], viewport: { width: WIDTHS[0], height: 800 } });
  const where = `${name}, ${theme}, ${way}`;
  try {
    await ready(page);
    await page.waitForLoadState('load');
    // What is loaded afterwards has come, whatever it was.
    await page.waitForFunction(() => ![...document.querySelectorAll('main .empty')].some((one) => one.checkVisibility() && /^(One moment|Einen Moment|Un instant)/.test(one.textContent)), null, { timeout: 15_000 });
    await page.evaluate(axe.replace(/^/, ''), undefined).catch(() => {});
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 800 });
      await page.evaluate(() => new Promise((resolve) => { requestAnimationFrame(() => requestAnimationFrame(resolve)); }));
      const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      expect(over <= 0, `${where}: ${over} px wider than ${width}`);
      for (const one of await page.evaluate(small)) wrong(`${where}, ${width}: too small: ${one}`);
      // Rules about colours and names do not depend on the way.
      if (width === 1280 || (width === 320 && way === 'direct')) {
        if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe);
        const result = await page.evaluate((tags) => window.axe.run(document, { runOnly: tags, resultTypes: ['violations'] }), RULES);
        for (const one of result.violations) wrong(`${where}, ${width}: axe ${one.id}: ${one.nodes.slice(0, 2).map((node) => `${node.target} ${node.failureSummary?.split('\n')[1]?.trim() ?? ''}`).join(' | ')}`.slice(0, 420));
      }
      if (way === 'direct' && (width === 390 || width === 1280)) await page.screenshot({ path: `${process.env.PICTURES}/${name.replace(/\W+/g, '-')}-${width}-${theme}.png` });
    }
    expect(await page.locator('h1').count() === 1, `${where}: ${await page.locator('h1').count()} h1`);
    for (const note of [...new Set(notes)]) wrong(`${where}: ${note}`.slice(0, 300));
  } catch (error) {
    wrong(`${where}: ${String(error).slice(0, 300)}; ${notes.join('; ').slice(0, 300)}`);
  }
  await context.close();
}

export default async function pages(browser) {
  const seen = new Set();
  for (const start of [program, configured]) {
    const { address, end } = await start();
    const { features } = await (await fetch(`${address}api/v1/`)).json();
    const { devices } = await (await fetch(`${address}api/v1/devices`)).json();
    // One device of each kind; what the first program has shown need not be shown by the second.
    const kinds = new Map(devices.map((one) => [`${one.icon}${one.via ? 1 : 0}`, `devices/${one.ref}`]));
    const names = pagesOf(features, [...kinds.values()]).filter((name) => !seen.has(name));
    for (const name of names) seen.add(name);
    console.log(`${names.length} pages: ${names.join(', ')}`);
    const ways = { direct: address, ingress: await ingress(address) };
    const work = Object.entries(ways).flatMap(([way, base]) => ['light', 'dark'].flatMap((theme) => names.map((name) => ({ browser, way, base, theme, name }))));
    await Promise.all(Array.from({ length: AT_ONCE }, async () => { for (let one = work.shift(); one; one = work.shift()) await check(one); }));
    await end();
    if (process.env.ADDRESS) return;
  }
}
