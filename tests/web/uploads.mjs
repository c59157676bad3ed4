// Uploads as they are seen: one that works, one that is refused, one that nobody answers; and what *Try now* does.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createWebServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atEnd, expect, freePort, open, ready, until } from './tools.mjs';

const WIDTHS = { phone: { width: 390, height: 844 }, desk: { width: 1280, height: 900 } };

/** A service that answers everything alike, and counts. */
async function service(status, body) {
  const server = createWebServer((request, response) => {
    request.resume().on('end', () => response.writeHead(status).end(body));
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const it = { port: server.address().port, asked: 0 };
  server.on('request', () => { it.asked += 1; });
  atEnd(async () => server.close());
  return it;
}

export default async function uploads(browser) {
  const takes = await service(204, ''), refuses = await service(401, '{"error":"authorization failed"}'), halves = await service(400, '{"error":"unable to parse: bad timestamp"}');
  const folder = mkdtempSync(join(tmpdir(), 'wattbridge-uploads-'));
  const port = await freePort();
  const day = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
  const section = (to, name) => `[[influxdb]]\nurl = "http://127.0.0.1:${to}"\ndatabase = "${name}"\nsince = "${day}"\n\n`;
  writeFileSync(join(folder, 'wattbridge.toml'), `[home_assistant]\nenabled = false\n\n[web]\nlisten = "127.0.0.1:${port}"\ntitle = "Lindenhof"\n\n`
    + '[[text]]\nid = "pump"\ncommand = ["echo", "42"]\ninterval = "1s"\nvalues = [{ id = "power", quantity = "power" }]\n\n'
    + section(takes.port, 'grafana') + section(refuses.port, 'closed') + section(halves.port, 'picky') + section(await freePort(), 'away'));
  // What was measured before, so that something waits.
  const lines = Array.from({ length: 12 }, (_, n) => `text_pump,power,${new Date(Date.now() - (n + 3) * 300_000).toISOString()},${40 + n}`);
  writeFileSync(join(folder, 'past.csv'), `device,key,time,value\n${lines.reverse().join('\n')}\n`);
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('WATTBRIDGE')));
  const past = spawnSync(process.env.WATTBRIDGE, ['history', 'import', 'past.csv', '--unit', 'W', '--kind', 'measurement'], { cwd: folder, env, encoding: 'utf8' });
  expect(past.status === 0, `import: ${past.stdout}${past.stderr}`);
  const child = spawn(process.env.WATTBRIDGE, ['run'], { cwd: folder, env, stdio: 'ignore' });
  atEnd(async () => {
    if (child.exitCode == null && child.signalCode == null) { child.kill('SIGTERM'); await once(child, 'exit'); }
    rmSync(folder, { recursive: true, force: true });
  });
  const base = `http://127.0.0.1:${port}/`;
  const read = async (path) => (await fetch(`${base}api/v1/${path}`)).json();
  const how = async (name) => {
    const { devices } = await read('devices');
    const device = devices.find((one) => one.icon === 'upload' && one.name.endsWith(name));
    const state = (await read('state')).devices.find((one) => one.ref === device?.ref);
    return { device, state };
  };
  await until(async () => (await how('grafana')).state?.values.last_success, 'something has arrived', 60);
  await until(async () => (await how('closed')).state?.health.code === 'refused', 'it is refused', 60);
  await until(async () => ['retrying', 'unreachable'].includes((await how('away')).state?.health.code), 'nobody answers', 60);
  await until(async () => (await how('picky')).state?.values.given_up > 0, 'rows are given up', 60);

  for (const [screen, viewport] of Object.entries(WIDTHS)) {
    for (const colorScheme of ['light', 'dark']) {
      const { page, context, notes } = await open(browser, `${base}#/now`, { viewport, colorScheme, locale: screen === 'phone' ? 'de-AT' : 'en-GB' });
      await ready(page);
      const shoot = (name) => page.screenshot({ path: `${process.env.PICTURES}/uploads-${name}-${screen}-${colorScheme}.png`, fullPage: true });
      await until(() => page.locator('a.dev:has-text("InfluxDB")').count(), 'Now shows uploads');
      expect(await page.locator('a.dev:has-text("InfluxDB")').count() === 4, 'each once');
      await shoot('now');
      await page.goto(`${base}#/devices`);
      await until(() => page.locator('.list a:has-text("InfluxDB")').count(), 'Devices shows uploads');
      await shoot('devices');
      for (const name of ['grafana', 'closed', 'picky', 'away']) {
        const { device } = await how(name);
        await page.goto(`${base}#/devices/${device.ref}`);
        await until(() => page.locator('#h-upload').count(), `${name} has its card`);
        await shoot(name);
      }
      for (const note of [...new Set(notes)]) expect(false, `${screen}, ${colorScheme}: ${note}`);
      await context.close();
    }
  }

  const { device } = await how('closed');
  const { page, context, notes } = await open(browser, `${base}#/devices/${device.ref}`);
  await until(() => page.locator('#h-upload').count(), 'the card');
  expect(await page.locator('main >> text=authorization failed').count() > 0, 'the words of the service');
  expect(await page.locator(`text=wattbridge export retry influxdb_`).count() > 0, 'the command');
  const before = refuses.asked;
  await page.locator('section:has(#h-upload) button').click();
  await until(() => page.locator('.outcome.ok').count(), 'it says that it tries');
  await until(() => refuses.asked > before, 'it tries', 90);
  for (const note of [...new Set(notes)]) expect(false, note);
  await context.close();
}
