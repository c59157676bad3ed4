// The browser, the program, and what is wrong.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

export const found = [];
let current = '';
export const part = (name) => { current = name; };
export const wrong = (what) => { found.push(`${current}: ${what}`); };
export const expect = (is, what) => { if (!is) wrong(what); };

const opened = [];
let shared = null;

// No request of the browser's own: only the page's are looked at.
export async function browser() {
  if (!shared) {
    shared = await chromium.launch({
      executablePath: process.env.CHROMIUM,
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    });
    opened.push(() => shared.close());
  }
  return shared;
}

/** The demo: simulated devices behind the real program. Resolves to its address and how it is ended. */
export async function program() {
  // One that is served already.
  if (process.env.ADDRESS) return { address: process.env.ADDRESS, end: async () => {} };
  const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('WATTBRIDGE')));
  const child = spawn(process.env.WATTBRIDGE, ['demo', '--port', '0'], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = [];
  child.stderr.on('data', (data) => said.push(data));
  const end = async () => { if (child.exitCode == null && child.signalCode == null) { child.kill('SIGTERM'); await once(child, 'exit'); } };
  opened.push(end);
  const address = await new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`wattbridge demo ended with ${code}: ${Buffer.concat(said)}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const it = /http:\/\/127\.0\.0\.1:\d+\//.exec(line);
      if (it) resolve(it[0]);
    });
  });
  await until(async () => (await (await fetch(`${address}api/v1/state`)).json()).devices.filter((one) => one.at != null).length >= 4, 'devices speak');
  return { address, child, end };
}

/** A port that nobody has. */
export const freePort = () => new Promise((resolve) => { const server = createServer().listen(0, '127.0.0.1', () => { const { port } = server.address(); server.close(() => resolve(port)); }); });

/** The program with a configuration file of its own, for what the demo has not. */
export async function configured() {
  const folder = mkdtempSync(join(tmpdir(), 'wattbridge-page-'));
  const port = await freePort();
  writeFileSync(join(folder, 'wattbridge.toml'), `[home_assistant]\nenabled = false\n\n[web]\nlisten = "127.0.0.1:${port}"\ntitle = "Lindenhof"\n\n`
    + '[[text]]\nid = "pump"\ncommand = ["echo", "42"]\ninterval = "1s"\nvalues = [{ id = "power", quantity = "power" }]\n');
  const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('WATTBRIDGE')));
  const child = spawn(process.env.WATTBRIDGE, ['run'], { cwd: folder, env: environment, stdio: 'ignore' });
  const end = async () => {
    if (child.exitCode == null && child.signalCode == null) { child.kill('SIGTERM'); await once(child, 'exit'); }
    rmSync(folder, { recursive: true, force: true });
  };
  opened.push(end);
  const address = `http://127.0.0.1:${port}/`;
  await until(async () => (await (await fetch(`${address}api/v1/state`)).json()).devices.length > 0, 'the program with a configuration speaks', 30);
  return { address, end };
}

export async function until(is, what, seconds = 20) {
  const end = Date.now() + seconds * 1000;
  let last = null;
  for (;;) {
    try { last = await is(); } catch (error) { last = null; if (Date.now() > end) throw error; }
    if (last) return last;
    if (Date.now() > end) { wrong(`not within ${seconds} s: ${what}`); return null; }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A page that notes whatever a browser complains about, and every request to somebody else. */
export async function open(from, where, options = {}) {
  const context = await from.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-GB', ...options });
  const page = await context.newPage();
  const origin = new URL(where).origin;
  const notes = [];
  page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) notes.push(message.text()); });
  page.on('pageerror', (error) => notes.push(String(error)));
  page.on('request', (request) => { if (!request.url().startsWith('data:') && !request.url().startsWith('blob:') && new URL(request.url()).origin !== origin) notes.push(`request to ${request.url()}`); });
  await page.goto(where);
  return { page, context, notes };
}

export const ready = (page) => page.waitForFunction(() => document.querySelector('main h1') && document.querySelector('nav'), null, { timeout: 15_000 });

export async function closeAll() { for (const close of opened.reverse()) await close().catch(() => {}); }
export const atEnd = (close) => opened.push(close);
