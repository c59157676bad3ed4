// What runs here, since when, and whose work is in it.

import { html, nothing } from '../vendor/lit.js';
import { address } from '../api.js';
import { sheet } from '../dom.js';
import { duration, moment, number } from '../format.js';
import { t } from '../i18n.js';
import { now, store } from '../store.js';

const LICENCES = [['lit-html', 'lit'], ['uPlot', 'uplot'], ['CodeMirror', 'codemirror']];

export default function page({ redraw }) {
  sheet('more.css').then(redraw);
  const bytes = (n) => (n == null ? null : `${number(n / 1048576, 1)}\u202fMB`);
  const view = () => {
    const it = store.hello;
    const rows = [['about.version', it.version], ['about.since', it.started && `${moment(it.started)} (${duration(now() - it.started)})`], ['about.memory', bytes(it.memory)], ['about.database', bytes(it.database)],
      ['about.devices', number(store.devices.size)], ['about.live', t(`live.${store.live}`)], ['about.build', it.build]];
    return html`<div class="ctl"><h1 class="title">${t('more.about')}</h1></div>
      <div class="cols two"><section class="card"><dl class="about">${rows.map(([key, value]) => (value ? html`<div><dt>${t(key)}</dt><dd>${value}</dd></div>` : nothing))}</dl></section>
      <section class="card"><h2>${t('about.more')}</h2><p>${t('about.words')}</p><ul class="links">
        ${it.project ? html`<li><a href=${it.project} target="_blank" rel="noreferrer">${t('about.project')}</a></li>` : nothing}
        ${LICENCES.map(([name, file]) => html`<li><a href=${new URL(`../vendor/${file}.LICENSE.txt`, import.meta.url).href}>${t('about.licence', { name })}</a></li>`)}</ul></section></div>`;
  };
  return { title: () => t('more.about'), view };
}
