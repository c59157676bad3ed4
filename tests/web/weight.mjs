// What the page weighs on the wire, whether the vendored files are what their heads say, and whether the vocabularies agree.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, program, until, wrong } from './tools.mjs';

const KIB = 1024;
const NOW = 35.5 * KIB, OURS = 108 * KIB, VENDORED = 140 * KIB, LINES = 400;
const CODE = /\.(js|css|html|svg)$/;

const files = (folder) => readdirSync(folder, { withFileTypes: true }).flatMap((one) => (one.isDirectory() ? files(join(folder, one.name)) : join(folder, one.name)));

function vendored(folder) {
  for (const file of files(join(folder, 'vendor')).filter((one) => /\.(js|css)$/.test(one))) {
    const text = readFileSync(file, 'utf8');
    const head = text.slice(0, text.indexOf('*/') + 3);
    const told = /[0-9a-f]{64}/.exec(head)?.[0];
    const is = createHash('sha256').update(text.slice(head.length)).digest('hex');
    expect(told === is, `${relative(folder, file)}: its head says ${told}, it is ${is}`);
    expect(/\d+\.\d+\.\d+/.test(head) && /Licence/.test(head), `${relative(folder, file)}: no version or licence in its head`);
  }
}

function words(folder) {
  const read = (language) => JSON.parse(readFileSync(join(process.env.WORDS, `${language}.json`), 'utf8')).page;
  const english = read('en');
  const places = (text) => [...text.matchAll(/\{(\w+)\}/g)].map((one) => one[1]).sort().join();
  for (const language of ['de', 'fr']) {
    const other = read(language);
    for (const key of new Set([...Object.keys(english), ...Object.keys(other)])) {
      if (english[key] == null || other[key] == null) wrong(`words: ${key} is missing in ${english[key] == null ? 'en' : language}`);
      else expect(places(english[key]) === places(other[key]), `words: ${key} has other places in ${language}`);
    }
  }
  // Every key that the code names as a whole is there.
  for (const file of files(folder).filter((one) => one.endsWith('.js') && !one.includes('vendor'))) {
    for (const [, key] of readFileSync(file, 'utf8').matchAll(/\b(?:t|parts)\('([\w.]+)'/g)) {
      expect(key in english || `${key}.other` in english, `words: ${key} of ${relative(folder, file)} is nowhere`);
    }
  }
}

export default async function weight(browser) {
  const folder = process.env.ASSETS;
  vendored(folder);
  words(folder);
  for (const file of files(folder).filter((one) => CODE.test(one) && !one.includes('vendor'))) {
    const { length } = readFileSync(file, 'utf8').split('\n');
    expect(length <= LINES, `${relative(folder, file)} has ${length} lines`);
  }
  const { address, end } = await program();
  const index = await (await fetch(address)).text();
  const base = /src="(v\/[^/]+\/)/.exec(index)[1];
  const size = async (path) => gzipSync(Buffer.from(await (await fetch(address + path)).arrayBuffer()), { level: 9 }).length;
  let ours = await size(''), others = 0;
  for (const file of files(folder)) {
    const path = relative(folder, file);
    if (path.startsWith('vendor/') && /\.(js|css|txt)$/.test(path)) others += await size(base + path);
    else if (CODE.test(path) && path !== 'index.html') ours += await size(base + path);
  }
  for (const language of ['en', 'de', 'fr']) ours += await size(`${base}i18n/${language}.json`);

  // What Now asks for, all of it.
  const context = await browser.newContext({ locale: 'en-GB' });
  const page = await context.newPage();
  const asked = new Set();
  page.on('request', (request) => { if (!request.url().includes('/api/')) asked.add(request.url().slice(address.length)); });
  await page.goto(address);
  await until(() => page.locator('.devs .dev').count(), 'Now shows devices');
  let now = 0;
  for (const path of asked) now += await size(path);
  await context.close();
  const kib = (bytes) => `${(bytes / KIB).toFixed(1)} KiB`;
  console.log(`compressed: Now ${kib(now)} in ${asked.size} files, all of ours ${kib(ours)}, vendored ${kib(others)}`);
  expect(now <= NOW, `Now needs ${kib(now)}, more than ${kib(NOW)}`);
  expect(ours <= OURS, `all of ours is ${kib(ours)}, more than ${kib(OURS)}`);
  expect(others <= VENDORED, `vendored files are ${kib(others)}, more than ${kib(VENDORED)}`);
  await end();
}
