// What History has read: kept for a minute, so that a finger over the calendar does not ask the same again and again.

import { get } from './api.js';
import { t } from './i18n.js';
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

/** What a row is called beside others: by its device, and by more only where that has several. */
export function rowName(row, rows) {
  const device = store.devices.get(row.ref)?.name ?? row.device ?? row.name;
  const panel = store.devices.get(row.ref)?.metrics.find((one) => one.key === row.key)?.panel;
  if (panel != null) return row.panel ?? t('panel_of', { device, n: panel });
  return rows.filter((one) => one.ref === row.ref).length > 1 && row.name !== device ? `${device}, ${row.name}` : device;
}
