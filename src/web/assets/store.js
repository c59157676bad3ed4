// What the page knows: read once, then kept up to date by one stream of events, or by asking where streams do not get through.

import { address, get, query } from './api.js';

const FIRST_EVENT = 4_000;   // An old ingress opens the stream and lets nothing through: wait for an event, not for `onopen`.
const POLL = 5_000;
const TRY_STREAM_AGAIN = 300_000;
const HIDDEN = 60_000;       // Browsers share few connections among all pages of an address.
const QUIET = 45_000;
const LOST = 2_000;          // A restart of a proxy is not worth a word.

export const store = {
  hello: null, devices: new Map(), states: new Map(), flow: null, rev: null,
  ready: false, lost: false, updated: false, login: false, live: 'starting', problem: null,
};
const listeners = new Set();
const logListeners = new Set();
let offset = 0, stream = null, timer = 0, retry = 0, failedAt = 0, wait = 1_000, lastHeard = 0, hiddenTimer = 0, logLevel = null, attended = null, scheduled = false;

/** The server's clock. */
export const now = () => Date.now() / 1000 + offset;
export const subscribe = (listener) => { listeners.add(listener); return () => listeners.delete(listener); };
export const can = (feature) => !!store.hello?.features?.includes(feature);
export const isAdmin = () => store.hello?.role === 'admin';

/** The language that the configuration gives the house: its devices speak it, whatever the page speaks. */
export const houseLanguage = () => store.hello?.lang || 'en';

/** Tells everybody, once for all that comes in one moment. */
export function changed() {
  if (scheduled) return;
  scheduled = true;
  setTimeout(() => { scheduled = false; for (const listener of listeners) listener(); }, 30);
}

/** Tells the device that somebody has its controls before them, as long as this page is open. */
export function attend(ref) {
  attended = ref;
  if (stream) open();
  return () => { attended = null; if (stream) open(); };
}

/** Lines of the log as they are written, while somebody reads them. */
export function followLog(level, listener) {
  logListeners.add(listener);
  logLevel = level;
  if (stream) open();
  return () => { logListeners.delete(listener); logLevel = null; if (stream) open(); };
}

function heard() {
  lastHeard = Date.now();
  failedAt = 0;
  wait = 1_000;
  if (store.lost) { store.lost = false; changed(); }
}

function takeState(state, whole = state.whole) {
  if (state.now) offset = state.now - Date.now() / 1000;
  if (whole) store.states.clear();
  for (const device of state.devices) merge(device);
  for (const ref of state.removed ?? []) forget(ref);
  if (state.flow !== undefined) store.flow = state.flow;
  store.rev = state.rev;
  // A device that nobody has described yet.
  if ([...store.states.keys()].some((ref) => !store.devices.has(ref))) describe();
  changed();
}

function merge(device) {
  const before = store.states.get(device.ref);
  store.states.set(device.ref, { ...before, ...device, values: { ...before?.values, ...device.values } });
}

const forget = (ref) => { store.states.delete(ref); store.devices.delete(ref); };

let describing = 0;
async function describe() {
  if (Date.now() - describing < 5_000) return;
  describing = Date.now();
  const { devices } = await get('devices').catch(() => ({ devices: null }));
  if (!devices) return;
  store.devices = new Map(devices.map((one) => [one.ref, one]));
  changed();
}

function greet(hello) {
  if (store.hello?.build && hello.build && hello.build !== store.hello.build) store.updated = true;
  store.hello = { ...store.hello, ...hello };
  if (hello.now) offset = hello.now - Date.now() / 1000;
}

/** Everything anew. */
export async function start() {
  clearTimeout(retry);
  store.problem = null;
  try {
    greet(await get(''));
    heard();
    store.login = store.hello.role === 'none';
    if (!store.login && !store.hello.safe_mode) {
      const [devices, state] = await Promise.all([get('devices'), get('state')]);
      store.devices = new Map(devices.devices.map((one) => [one.ref, one]));
      takeState(state, true);
      follow();
    }
    store.ready = true;
  } catch (error) {
    if (error.status === 401) { store.login = true; store.ready = true; } else failed(error, start);
  }
  changed();
}

function failed(error, again) {
  failedAt ||= Date.now();
  store.problem = error;
  if (Date.now() - failedAt >= LOST && !store.lost) { store.lost = true; changed(); }
  clearTimeout(retry);
  retry = setTimeout(again, wait);
  wait = Math.min(wait * 1.6, 5_000);
}

/** What has changed since, then the stream. */
async function catchUp() {
  try {
    greet(await get(''));
    if (store.hello.role === 'none') { store.login = true; stop(); return changed(); }
    if (store.hello.safe_mode) { heard(); retry = setTimeout(catchUp, POLL); return changed(); }
    takeState(await get(store.rev == null ? 'state' : `state?since=${store.rev}`));
    heard();
    follow();
  } catch (error) { failed(error, catchUp); }
}

function follow() {
  clearTimeout(retry);
  open();
}

function stop() {
  clearTimeout(timer);
  clearTimeout(retry);
  stream?.close();
  stream = null;
}

function open() {
  stop();
  const mine = stream = new EventSource(address('events' + query({ log: logLevel, controls: attended })));
  let first = true;
  const on = (name, act) => mine.addEventListener(name, (event) => {
    if (mine !== stream) return;
    if (first) { first = false; clearTimeout(timer); store.live = 'stream'; watchQuiet(); }
    heard();
    act(JSON.parse(event.data || '{}'));
  });
  on('hello', greet);
  on('state', (data) => {
    if (data.now) offset = data.now - Date.now() / 1000;
    store.rev = data.rev ?? store.rev;
    merge(data.device);
    if (!store.devices.has(data.device.ref)) describe();
    changed();
  });
  on('device', (device) => { store.devices.set(device.ref, device); changed(); });
  on('removed', ({ ref }) => { forget(ref); changed(); });
  on('flow', (flow) => { store.flow = flow; changed(); });
  on('resync', () => { store.rev = null; stop(); catchUp(); });
  on('log', (line) => { for (const listener of logListeners) listener(line); });
  mine.onerror = () => {
    if (mine !== stream) return;
    stop();
    failedAt ||= Date.now();
    wait = 1_000;
    retry = setTimeout(catchUp, 300);
  };
  timer = setTimeout(() => { if (mine === stream) { stop(); poll(Date.now()); } }, FIRST_EVENT);
}

// A connection that died without a word is found by asking.
function watchQuiet() {
  clearTimeout(timer);
  timer = setTimeout(() => (Date.now() - lastHeard > QUIET ? (stop(), catchUp()) : watchQuiet()), QUIET / 3);
}

async function poll(since) {
  store.live = 'poll';
  try {
    takeState(await get(`state?since=${store.rev}`));
    heard();
  } catch (error) {
    if (error.status === 401 || error.status === 503) return catchUp();
    return failed(error, () => poll(since));
  }
  if (Date.now() - since > TRY_STREAM_AGAIN) return open();
  retry = setTimeout(() => poll(since), POLL);
}

document.addEventListener('visibilitychange', () => {
  clearTimeout(hiddenTimer);
  if (document.hidden) hiddenTimer = setTimeout(() => { stop(); store.live = 'hidden'; }, HIDDEN);
  else if (store.live === 'hidden') { store.live = 'starting'; catchUp(); }
});
addEventListener('online', () => { if (store.lost) { stop(); (store.ready ? catchUp : start)(); } });
