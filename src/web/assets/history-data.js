// What History has read: kept for a minute, so that a finger over the calendar does not ask the same again and again.

import { get } from './api.js';
import { store } from './store.js';

const KEEP = 60_000;
const kept = new Map();

export function cached(path) {
  const found = kept.get(path);
  if (found && Date.now() - found.at < KEEP) return found.answer;
  const answer = get(path);
  kept.set(path, { at: Date.now(), answer });
  answer.catch(() => kept.delete(path));
  if (kept.size > 80) kept.delete(kept.keys().next().value);
  return answer;
}

export const rowOf = (answer, key) => answer?.rows.find((row) => row.ref === 'house' && row.key === key)?.wh ?? answer?.dates.map(() => null) ?? [];
export const allRows = (answer) => Object.fromEntries(answer.rows.map((row) => [row.key, row.wh]));
export const mean = (list) => {
  const known = list.filter((one) => one != null);
  return known.length ? known.reduce((sum, one) => sum + one, 0) / known.length : null;
};
/** Real numbers of a series of slots. */
export const numbers = (series) => series.v.map((v) => (v == null ? null : v / 10 ** series.scale));

const BESIDES = /^(grid|battery)/, BESIDES_KEY = /import|export|charge|consum/;

/** What a row of energies is about: "roof", "panel" or something beside (grid, battery, what is used). */
export function kindOf(row) {
  const metric = store.devices.get(row.ref)?.metrics.find((one) => one.key === row.key);
  if (metric?.panel != null || /^panel_\d+_/.test(row.key)) return 'panel';
  return BESIDES.test(metric?.part ?? '') || (!metric?.part && BESIDES_KEY.test(row.key)) ? 'beside' : 'sun';
}

/** One row of each device: a counter that runs for ever before one of the day, for both count the same. */
export function ownRows(rows) {
  const found = new Map();
  for (const row of rows) {
    const lifetime = store.devices.get(row.ref)?.metrics.find((one) => one.key === row.key)?.behavior === 'lifetime';
    if (!found.has(row.ref) || lifetime) found.set(row.ref, row);
  }
  // A device behind another one is part of that one's sum.
  return [...found.values()].filter((row) => !found.has(store.devices.get(row.ref)?.via));
}
