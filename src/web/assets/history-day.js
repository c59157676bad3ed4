// One day: produced with what is usual, used with where it came from, and the battery.

import { html, nothing } from './vendor/lit.js';
import { query } from './api.js';
import './plot.js';
import { addDays, addMonths, dateText, energy, join } from './format.js';
import { t } from './i18n.js';
import { allRows, cached, mean, numbers, rowOf } from './history-data.js';
import { store } from './store.js';

const SERIES = ['sun', 'house', 'sun_house', 'battery_house', 'grid_house', 'battery_level'];
const DAYS_OF_USUAL = 14;

/** The day to compare with, or null for "usual". */
export const otherDay = (view) => ({ usual: null, before: addDays(view.day, -1), year: `${view.day.slice(0, 4) - 1}${view.day.slice(4)}` })[view.compare]
  ?? (view.compare === 'usual' ? null : view.compare);

// The series of power that belongs to a row of energies.
function powerSeries(only) {
  const [ref, key] = only.split('/');
  const device = store.devices.get(ref);
  const is = device?.metrics.find((one) => one.key === key);
  return is?.quantity === 'power' || /_power$/.test(key) ? only : `${ref}/${device?.glance?.picture?.key ?? device?.glance?.main ?? 'power'}`;
}

export async function loadDay(view, today) {
  const first = `${view.day.slice(0, 7)}-01`, end = addMonths(first, 1);
  const from = addDays(first, -DAYS_OF_USUAL);
  const span = { from: view.day, to: addDays(view.day, 1) };
  const other = otherDay(view);
  const only = view.only && powerSeries(view.only);
  const power = (series, range) => cached('history/power' + query({ series: series.join(), ...range, step: 300 }));
  const optional = (promise) => promise.catch(() => null);
  const [energies, devices, panels, slots, usual, alone, compared] = await Promise.all([
    cached('history/energy' + query({ by: 'day', of: 'total', from, to: end })),
    optional(cached('history/energy' + query({ by: 'day', of: 'device', ...span }))),
    optional(cached('history/energy' + query({ by: 'day', of: 'panel', ...span }))),
    power(SERIES.map((key) => `house/${key}`), span),
    view.compare === 'usual' && !only ? optional(cached('history/usual' + query({ key: 'sun', day: view.day }))) : null,
    only ? optional(power([only], span)) : null,
    other ? optional(power(only ? [only] : ['house/sun', 'house/house'], { from: other, to: addDays(other, 1) })) : null,
  ]);
  const rows = allRows(energies);
  const at = energies.dates.indexOf(view.day);
  const before = (key) => mean(rowOf(energies, key).slice(Math.max(0, at - DAYS_OF_USUAL), at));
  const start = energies.dates.indexOf(first);
  const sun = rowOf(energies, 'sun'), house = rowOf(energies, 'house');
  const picked = sun.some((wh) => wh != null) ? sun : house;
  return {
    strip: { dates: energies.dates.slice(start), row: picked.slice(start), at: view.day },
    wh: Object.fromEntries(Object.entries(rows).map(([key, wh]) => [key, wh[at] ?? null])),
    usual: at >= 3 ? { sun: before('sun'), house: before('house') } : {},
    soFar: view.day === today, devices: devices?.rows, panels: panels?.rows,
    charts: charts(slots, usual, alone, compared, other, view),
  };
}

const kilo = (list, factor = 1) => list.map((v) => (v == null ? null : (v * factor) / 1000));
const known = (list) => list?.some((v) => v != null);

// Made once for what was read: an element draws again only when its data is another.
function charts(slots, usual, alone, compared, other, view) {
  const step = slots.step;
  const series = Object.fromEntries(slots.series.map((one) => [one.key, numbers(one)]));
  const length = Math.max(...slots.series.map((one) => one.v.length), 1);
  const x = Array.from({ length }, (_, i) => slots.t0 + i * step);
  const fit = (list) => Array.from({ length }, (_, i) => list?.[i] ?? null);
  const key = `${view.day}${view.only}${view.compare}`;
  const date = dateText(view.day, { day: 'numeric', month: 'long' });
  const noon = Math.floor(length / 2) + 13;
  const base = { x, step, key, sync: 'day', digits: 2, start: series.sun?.[noon] == null ? undefined : noon };

  const main = alone?.series[0] ? fit(numbers(alone.series[0])) : fit(series.sun);
  const lines = [{ name: date, values: kilo(main), colour: '--sun-line', fillColour: '--sun', fill: 0.18, width: 2.2 }];
  const bands = [];
  if (usual && known(usual.mean)) {
    const real = (list) => kilo(fit(list), 1 / 10 ** (usual.scale ?? 0));
    lines.push({ name: t('usual.short'), values: real(usual.mean), colour: '--ink2', dash: [5, 4], width: 1.2 },
      { values: real(usual.high), hidden: true, colour: '--ink2' }, { values: real(usual.low), hidden: true, colour: '--ink2' });
    bands.push([2, 3, '--ghost', 0.45]);
  }
  const others = Object.fromEntries((compared?.series ?? []).map((one) => [one.key, numbers(one)]));
  const otherName = other && dateText(other, { day: 'numeric', month: 'short', year: other.slice(0, 4) === view.day.slice(0, 4) ? undefined : 'numeric' });
  const otherMain = alone ? compared && numbers(compared.series[0]) : others.sun;
  if (known(otherMain)) lines.push({ name: otherName, values: kilo(fit(otherMain)), colour: '--ink2', dash: [5, 4], width: 1.5 });

  const flows = ['sun_house', 'battery_house', 'grid_house'].map((name) => kilo(fit(series[name]), 3600 / step));
  const [fromSun, fromBattery, fromGrid] = flows;
  const pile = (...lists) => x.map((_, i) => (lists.every((list) => list[i] == null) ? null : lists.reduce((sum, list) => sum + (list[i] ?? 0), 0)));
  const used = known(pile(...flows)) ? [
    { name: t('sun'), values: pile(...flows), shown: fromSun, colour: '--sun', fill: 0.9, width: 0.5, block: true },
    { name: t('battery'), values: pile(fromGrid, fromBattery), shown: fromBattery, colour: '--bat', fill: 1, width: 0.5, block: true },
    { name: t('grid'), values: fromGrid, colour: '--net', fill: 1, width: 0.5, block: true },
  ].filter((line) => known(line.shown ?? line.values)) : [{ name: t('house'), values: kilo(fit(series.house)), colour: '--home', fill: 0.15 }];
  if (known(others.house)) used.push({ name: otherName, values: kilo(fit(others.house)), colour: '--ink', dash: [5, 4], width: 1.5 });

  return {
    produced: known(main) && { ...base, lines, bands, unit: '' },
    used: known(series.house) && { ...base, lines: used, unit: '' },
    battery: known(series.battery_level) && { ...base, digits: 0, unit: '%', max: 100, height: 150,
      lines: [{ name: t('battery.level'), values: fit(series.battery_level), colour: '--bat', fill: 0.18 }] },
  };
}

const chart = (id, title, unit, spec, label) => (spec ? html`<section class="card" aria-labelledby="h-${id}">
  <div class="head"><h2 id="h-${id}">${title}</h2><span class="muted">${unit}</span></div>
  <watt-plot .spec=${named(spec, title, label)}></watt-plot></section>` : nothing);

const done = new WeakMap();
// The words belong to the picture: added once, so that the element sees the same object again.
function named(spec, name, label) {
  if (!done.has(spec)) done.set(spec, { ...spec, name, label });
  return done.get(spec);
}

export function dayCharts({ charts: made, wh }, view) {
  const only = view.only && store.devices.get(view.only.split('/')[0])?.name;
  const title = only ? t('produced.by', { name: only }) : t('produced');
  return [
    chart('p', title, view.compare === 'usual' && !only ? t('kw_usual') : 'kW', made.produced, t('chart.produced', { date: dateText(view.day), sum: join(energy(wh.sun)) })),
    chart('u', t('used.from'), 'kW', made.used, t('chart.used', { date: dateText(view.day), sum: join(energy(wh.house)) })),
  ];
}

export const batteryChart = ({ charts: made }, view) => chart('b', t('battery'), '%', made.battery, t('chart.battery', { date: dateText(view.day) }));
