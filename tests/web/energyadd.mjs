// "Add these": what lacks in Home Assistant's Energy dashboard is shown and asked for before anything is written. What Home Assistant says is played
// here; the tests of the program ask a real one.

import { configured, expect, open, until } from './tools.mjs';

const entry = (key, more) => ({ ref: key, key, device: 'Roof', name: key, remark: '', unique_id: key, entity_id: `sensor.${key}`, ...more });
const addition = { kind: 'solar', device: 'Roof', entities: ['sensor.energy', 'sensor.power'] };
const dashboard = (rev, additions, problem) => ({
  places: [{ place: 'solar', words: '', entries: [entry('energy', { used: !additions.length }), entry('behind', { used: false, held: 'behind' }), entry('off', { used: false, held: 'off' })], not: [] }],
  note: '', home_assistant: { rev, additions, problem },
});

export default async function energyadd(browser) {
  if (process.env.ADDRESS) return;
  const { address, end } = await configured();
  for (const [colorScheme, width] of [['light', 1280], ['dark', 320]]) {
    const { page, context, notes } = await open(browser, address, { colorScheme, viewport: { width, height: 800 } });
    const written = [];
    let present = dashboard('one', [addition]);
    await page.route('**/api/v1/energy-dashboard', (route) => route.fulfill({ json: present }));
    await page.route('**/api/v1/energy-dashboard/add', (route) => {
      const { rev } = route.request().postDataJSON();
      written.push(rev);
      if (rev !== present.home_assistant.rev) return route.fulfill({ status: 409, json: { error: 'no longer what was shown', hint: 'look again' } });
      present = dashboard('three', []);
      return route.fulfill({ json: { added: addition.entities, issues: [{ kind: 'statistics_not_defined', entity_id: 'sensor.power' }, { kind: 'entity_unavailable', entity_id: 'sensor.energy' }] } });
    });
    await page.goto(`${address}#/energy`);
    const main = () => page.locator('main').innerText();
    await until(() => page.locator('.missing .btn').count(), 'what lacks is shown');
    expect(/sensor\.energy[\s\S]*sensor\.power/.test(await main()), 'its entities are not shown');
    expect(/switched off in Home Assistant/.test(await main()) && /would count twice/.test(await main()), 'why others are not added is not said');

    // Who says no writes nothing.
    await page.locator('.missing .btn').click();
    expect(/sensor\.energy, sensor\.power/.test(await page.locator('dialog').innerText()), 'what is added is not asked for');
    await page.keyboard.press('Escape');
    await page.locator('dialog').waitFor({ state: 'detached' });
    expect(!written.length, 'something is written before somebody says yes');

    // Somebody else has changed it in between: that is said, and what is there now is shown.
    present = dashboard('two', [addition]);
    await page.locator('.missing .btn').click();
    await page.locator('dialog .btn.main').click();
    await until(async () => /no longer what was shown/.test(await main()), 'a refusal is said');
    await page.locator('.missing .btn').click();
    await page.locator('dialog .btn.main').click();
    await until(() => page.locator('.missing').count().then((n) => n === 0), 'what is added lacks no more');
    expect(written.join() === 'one,two', `written: ${written}`);
    expect(/Added to the dashboard/.test(await main()) && /entity unavailable/.test(await main()) && /hour or two/.test(await main()), 'the outcome is not said');
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(over <= 0, `${over} px wider than ${width}`);
    await page.screenshot({ path: `${process.env.PICTURES}/energy-added-${width}-${colorScheme}.png` });

    present = dashboard('', [], 'Home Assistant did not answer in time; try again in a minute');
    await page.reload();
    await until(async () => /did not answer in time/.test(await main()), 'who does not answer is named');
    // The refusal is one, and the browser says so too.
    const others = notes.filter((note) => !/409/.test(note));
    expect(!others.length, others.join('; ').slice(0, 300));
    await context.close();
  }
  await end();
}
