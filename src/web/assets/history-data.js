// What History has read: kept for a minute, so that a finger over the calendar does not ask the same again and again.

import { get } from './api.js';

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
