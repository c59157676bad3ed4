// A month by days, a year by months, all by years: produced and where it went, used and where it came from.

import { html, nothing } from './vendor/lit.js';
import { query } from './api.js';
import { stackedBars } from './bars.js';
import { addDays, addMonths, dateText } from './format.js';
import { t } from './i18n.js';
import { allRows, cached, rowOf } from './history-data.js';

const BEGIN = '2000-01-01';

/** What is asked for a period: its bars, and the strip above it. */
function ranges({ period, day }, today) {
  const year = `${day.slice(0, 4)}-01-01`, nextYear = addMonths(year, 12), tomorrow = addDays(today, 1);
  if (period === 'month') {
    const from = `${day.slice(0, 7)}-01`;
    return { bars: { by: 'day', from, to: addMonths(from, 1) }, strip: { by: 'month', from: addMonths(year, -12), to: nextYear }, at: from, first: year };
  }
  if (period === 'year') return { bars: { by: 'month', from: year, to: nextYear }, strip: { by: 'year', from: BEGIN, to: tomorrow }, at: year };
  return { bars: { by: 'year', from: BEGIN, to: tomorrow } };
}

const within = (row, from) => ({ ...row, wh: row.wh.slice(from) });

export async function loadPeriod(view, today) {
  const asked = ranges(view, today);
  const read = (of, range) => cached('history/energy' + query({ of, ...range }));
  const optional = (promise) => promise.catch(() => null);
  const [bars, strip, devices, panels] = await Promise.all([read('total', asked.bars), asked.strip ? read('total', asked.strip) : null,
    optional(read('device', asked.bars)), optional(read('panel', asked.bars))]);
  // Years before the first one with anything in it are no history.
  const rows = allRows(bars);
  const firstOf = (answer) => Math.max(0, answer.dates.findIndex((_, i) => answer.rows.some((row) => row.wh[i] != null)));
  const skip = view.period === 'all' ? firstOf(bars) : 0;
  const sum = (key) => { const list = (rows[key] ?? []).filter((wh) => wh != null); return list.length ? list.reduce((a, b) => a + b, 0) : null; };
  let calendar = null, usual = {};
  if (strip) {
    const at = strip.dates.indexOf(asked.at);
    const back = view.period === 'month' ? at - 12 : at - 1;
    const sun = rowOf(strip, 'sun');
    const list = sun.some((wh) => wh != null) ? sun : rowOf(strip, 'house');
    const start = asked.first ? strip.dates.indexOf(asked.first) : firstOf(strip);
    calendar = { dates: strip.dates.slice(start), row: list.slice(start), at: asked.at };
    usual = { sun: sun[back], house: rowOf(strip, 'house')[back] };
  }
  return {
    strip: calendar, usual, wh: Object.fromEntries(Object.keys(rows).map((key) => [key, sum(key)])),
    dates: bars.dates.slice(skip), rows: Object.fromEntries(Object.entries(rows).map(([key, wh]) => [key, wh.slice(skip)])),
    flags: bars.rows.find((row) => row.key === 'sun')?.flags?.slice(skip),
    devices: devices?.rows.map((row) => within(row, skip)), panels: panels?.rows.map((row) => within(row, skip)),
    soFar: view.period !== 'all' && asked.bars.from <= today && today < asked.bars.to,
  };
}

const known = (list) => list?.some((wh) => wh != null);

export function periodCharts({ dates, rows, flags, period }, view, { read, pick }) {
  if (period !== view.period) return nothing;
  const last = dates.reduce((found, _, i) => (known([rows.sun?.[i], rows.house?.[i]]) ? i : found), 0);
  const at = Math.min(view.at ?? last, dates.length - 1);
  const label = (i) => dateText(dates[i], period === 'month' ? { weekday: 'short', day: 'numeric', month: 'short' } : period === 'year' ? { month: 'long' } : { year: 'numeric' });
  const tick = (i) => (period === 'month' ? (i === 0 || (i + 1) % 5 === 0 ? i + 1 : '') : period === 'year' ? dateText(dates[i], { month: 'narrow' }) : dates[i].slice(0, 4));
  const common = { dates, at, label, tick, read, pick: (i) => pick(dates[i]), flags };
  const stack = (list) => list.filter(([, , wh]) => known(wh)).map(([name, colour, wh]) => ({ name: t(name), colour, wh }));
  const chart = (id, title, total, stacks) => {
    if (!known(total) && !stacks.length) return nothing;
    const made = stacks.length ? stacks : [{ name: title, colour: id === 'p' ? '--sun' : '--home', wh: total }];
    return html`<section class="card" aria-labelledby="h-${id}"><div class="head"><h2 id="h-${id}">${title}</h2><span class="muted">kWh</span></div>
      ${stackedBars({ ...common, stacks: made, totals: known(total) ? total : null, name: title })}</section>`;
  };
  return [
    chart('p', t('produced.where'), rows.sun, stack([['house', '--home', rows.sun_house], ['battery', '--bat', rows.sun_battery], ['grid', '--exp', rows.sun_grid]])),
    chart('u', t('used.from'), rows.house, stack([['sun', '--sun', rows.sun_house], ['battery', '--bat', rows.battery_house], ['grid', '--net', rows.grid_house]])),
  ];
}
