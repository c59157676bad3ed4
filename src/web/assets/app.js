// The frame around every page: tabs, what needs a look, the bars, and which page is shown.

import { html, nothing, render } from './vendor/lit.js';
import { can, changed, start, store, subscribe } from './store.js';
import { loadWords, pickLanguage, t } from './i18n.js';
import { loading, problem, tick } from './dom.js';
import { setZone } from './format.js';
import { troubles } from './health.js';
import { brand, icon } from './icons.js';

const pages = {
  now: () => import('./pages/now.js'),
  roof: () => import('./pages/roof.js'),
  history: () => import('./pages/history.js'),
  devices: () => import('./pages/devices.js'),
  more: () => import('./pages/more.js'),
  log: () => import('./pages/log.js'),
  settings: () => import('./pages/settings.js'),
  energy: () => import('./pages/energy.js'),
  support: () => import('./pages/support.js'),
  backup: () => import('./pages/backup.js'),
  about: () => import('./pages/about.js'),
  login: () => import('./pages/login.js'),
  welcome: () => import('./pages/welcome.js'),
};
const tabs = [['now', 'sun'], ['roof', 'panels'], ['history', 'chart'], ['devices', 'devices'], ['more', 'more']];
const UNDER_MORE = new Set(['log', 'settings', 'energy', 'support', 'backup', 'about']);

let page = null, pageName = '', failure = null, turn = 0, underWay = false;

const hasPanels = () => [...store.devices.values()].some((one) => one.metrics.some((metric) => metric.panel != null)
  || (one.via && one.glance?.main === 'power' && store.devices.get(one.via)?.icon === 'sun'));

function route() {
  const [path, search] = location.hash.replace(/^#\/?/, '').split('?');
  return { path: path.split('/').filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(search) };
}

/** Which page it has to be, whatever the address says. */
function wanted(path) {
  if (store.login) return 'login';
  if (store.hello?.safe_mode) return ['settings', 'backup'].includes(path[0]) ? path[0] : 'welcome';
  return path[0] in pages ? path[0] : 'now';
}

async function show(follows) {
  // What comes in while a page is being fetched draws it first, and must not make one forget that somebody follows a link.
  underWay ||= follows;
  if (!store.ready) return draw();
  const moved = underWay;
  const { path, query } = route();
  const name = wanted(path);
  if (page && name === pageName && page.go && moved) { page.go(path, query); return arrived(); }
  if (page && name === pageName && !moved) return draw();
  const mine = ++turn;
  failure = null;
  try {
    const module = await pages[name]();
    if (mine !== turn) return;
    page?.leave?.();
    pageName = name;
    page = module.default({ path, query, redraw: changed, speak });
  } catch (error) {
    if (mine !== turn) return;
    failure = error;
    page = null;
    pageName = '';
    console.warn(error);
  }
  draw();
  if (moved) arrived();
}

// Who moved by a link goes on reading at the top of what came.
function arrived() {
  underWay = false;
  draw();
  scrollTo(0, 0);
  document.querySelector('main')?.focus({ preventScroll: true });
}

const pill = () => {
  if (!store.devices.size || store.login) return nothing;
  const n = troubles().length;
  return html`<a class="pill ${n ? 'warn' : ''}" href=${n ? '#/devices?look' : '#/devices'}>${icon(n ? 'warn' : 'ok')}
    <span>${n ? t('pill.look', { n }) : t('pill.ok')}</span></a>`;
};

const tab = ([name, drawing]) => {
  const current = pageName === name || (name === 'more' && UNDER_MORE.has(pageName));
  return html`<a href="#/${name}" aria-current=${current ? 'page' : nothing}>${icon(drawing)}<span>${t(`tab.${name}`)}</span></a>`;
};

const bar = () => {
  if (store.lost) return html`<div class="bar-over lost" role="status">${icon('warn')}${t('lost')}</div>`;
  if (store.updated) {
    return html`<div class="bar-over" role="status">${icon('info')}<span>${t('updated')}</span>
      <button class="btn" @click=${() => location.reload()}>${t('reload')}</button></div>`;
  }
  return nothing;
};

const skip = (event) => { event.preventDefault(); document.getElementById('main').focus(); };

function shell() {
  const shut = store.login || store.hello?.safe_mode || !store.ready;
  const shown = tabs.filter(([name]) => (name !== 'roof' || (can('history') && hasPanels())) && (name !== 'history' || can('history')));
  return html`
    <a class="skip" href="#main" @click=${skip}>${t('skip')}</a>
    ${bar()}
    <header class="top">
      <a class="brand" href="#/now">${brand}<span>${store.hello?.title || 'wattbridge'}</span></a>
      ${shut ? nothing : html`<nav class="tabs" aria-label=${t('nav')}>${shown.map(tab)}</nav>`}
      ${pill()}
    </header>
    <main id="main" tabindex="-1" class=${store.lost ? 'old' : ''}>${content()}</main>
    <div class="vh" id="said" role="status" aria-live="polite"></div>`;
}

function content() {
  if (failure) return html`<h1 class="vh">${t('error.title')}</h1>${problem({ message: t('error.page'), hint: t('error.page_hint') })}`;
  if (page && store.ready) return page.view();
  return html`<h1 class="vh">${store.hello?.title || 'wattbridge'}</h1>${store.problem && store.lost ? problem(store.problem) : loading()}`;
}

function draw() {
  const title = page?.title?.();
  document.title = `${title ? `${title} · ` : ''}${store.hello?.title || 'wattbridge'}`;
  render(shell(), document.body);
  tick();
}

/** After the language was changed: every word again. */
async function speak() {
  await loadWords(pickLanguage(store.hello?.lang));
  page?.leave?.();
  page = null;
  pageName = '';
  await show(false);
}

addEventListener('hashchange', () => show(true));
addEventListener('theme', () => changed());
setInterval(tick, 1000);
document.querySelector('noscript')?.remove();
await loadWords(pickLanguage(null));
subscribe(() => {
  if (store.hello?.zone) setZone(store.hello.zone);
  show(false);
});
draw();
await start();
// The house's own language counts only where the browser's is none of ours.
if (store.hello?.lang && pickLanguage(store.hello.lang) !== document.documentElement.lang) await speak();
addEventListener('pageshow', (event) => { if (event.persisted) location.reload(); });
