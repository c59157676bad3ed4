// Runs the parts one after the other and says what was found.

import { browser, closeAll, found, part } from './tools.mjs';
import weight from './weight.mjs';
import pages from './pages.mjs';
import keyboard from './keyboard.mjs';
import deviceadd from './deviceadd.mjs';
import energyadd from './energyadd.mjs';
import live from './live.mjs';
import restore from './restore.mjs';
import uploads from './uploads.mjs';
import ingress from './old_ingress.mjs';

const parts = { weight, pages, keyboard, deviceadd, energyadd, live, restore, uploads, ingress };
const wanted = process.argv.slice(2);
for (const name of wanted) if (!(name in parts)) throw new Error(`no part ${name}: ${Object.keys(parts).join(', ')}`);

const begun = Date.now();
try {
  for (const [name, run] of Object.entries(parts)) {
    if (wanted.length && !wanted.includes(name)) continue;
    const since = Date.now();
    part(name);
    await run(await browser());
    console.log(`${name}: ${((Date.now() - since) / 1000).toFixed(1)} s`);
  }
} finally {
  await closeAll();
}
for (const one of found) console.log(`  ${one}`);
console.log(`${found.length ? `${found.length} found` : 'nothing found'} in ${((Date.now() - begun) / 1000).toFixed(0)} s`);
process.exit(found.length ? 1 : 0);
