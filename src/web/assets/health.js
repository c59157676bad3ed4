// How devices are: the tone of a state, what needs a look, and the words for it.

import { has, t } from './i18n.js';
import { store } from './store.js';

const CALM = new Set(['online', 'asleep']);
const WAITING = new Set(['starting', 'retrying', 'paused', 'restarting', 'disabled']);

export const tone = (health) => (!health || WAITING.has(health.code) ? 'wait'
  : health.code === 'asleep' ? 'moon' : (health.problem ?? !CALM.has(health.code)) ? 'warn' : 'ok');

export const healthWord = (health) => {
  const key = `health.${health?.code ?? 'starting'}`;
  return has(key) ? t(key) : health.words ?? health.code;
};

const isBad = (ref) => tone(store.states.get(ref)?.health) === 'warn' && store.states.has(ref);

export const children = (ref) => [...store.devices.values()].filter((one) => one.via === ref);

/** Devices that need a look. Where a parent is in trouble its children are not named one by one: the reason is the same. */
export function troubles() {
  return [...store.devices.values()].filter((one) => isBad(one.ref) && !(one.via && isBad(one.via)));
}

/** What stands at the foot of a card. */
export function footing(device) {
  const state = store.states.get(device.ref);
  const own = tone(state?.health);
  const below = children(device.ref);
  const bad = below.filter((one) => isBad(one.ref)).length;
  if (own === 'warn' || !bad) return { tone: own, words: healthWord(state?.health) };
  return { tone: 'warn', words: t('card.children_bad', { n: bad, all: below.length }) };
}
