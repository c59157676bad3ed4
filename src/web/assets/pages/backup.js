// Everything in one file, and back again.

import { html, nothing } from '../vendor/lit.js';
import { download, send } from '../api.js';
import { confirmed, problem, sheet } from '../dom.js';
import { t } from '../i18n.js';
import { icon } from '../icons.js';
import { dayOf, moment } from '../format.js';
import { now, start, store } from '../store.js';

const COUNTED = { sections: 'restore.sections', devices: 'now.devices', counters: 'restore.counters', days: 'days' };
const listed = (contents) => Object.entries(COUNTED).filter(([key]) => contents[key] != null).map(([key, words]) => t(words, { n: contents[key] })).join(', ');

export default function page({ redraw }) {
  let error = null, busy = '', done = null, file = null, found = null;
  sheet('more.css').then(redraw);

  async function make(event) {
    event.preventDefault();
    const password = event.target.elements.password?.value;
    busy = 'backup';
    redraw();
    try {
      const answer = await send('POST', 'backup', password == null ? {} : { password }, { seconds: 300 });
      download(`wattbridge-${dayOf(now())}.backup`, await answer.blob());
      error = null;
    } catch (refused) { error = refused; }
    busy = '';
    redraw();
  }

  async function ordered(what, seconds, work) {
    busy = what;
    error = null;
    redraw();
    try { await work(seconds); } catch (refused) { error = refused; }
    busy = '';
    redraw();
  }

  const look = () => ordered('look', 900, async (seconds) => {
    found = await (await send('POST', 'restore', file, { raw: true, seconds })).json();
  });

  async function restore() {
    if (!(await confirmed(t('restore.ask', { name: file.name }), t('restore.do')))) return;
    const { token } = found;
    await ordered('restore', 180, async (seconds) => {
      found = null;
      done = await (await send('PUT', 'restore', { token }, { seconds })).json();
      setTimeout(start, 1500);
    });
  }

  function forget() {
    if (found) send('DELETE', 'restore', { token: found.token }).catch(() => {});
    found = null;
  }

  const what = () => html`<p>${found.made ? t('restore.made', { at: moment(found.made), version: found.version ?? '?' }) : nothing}</p>
    <p>${t('restore.brings')} <b>${listed(found.brings)}</b></p><p>${t('restore.replaces')} <b>${listed(found.replaces)}</b></p>
    ${found.held_back.length ? html`<div class="note">${icon('warn')}<div><h3>${t('restore.held')}</h3><ul lang="en">${found.held_back.map((one) => html`<li>${one.what}</li>`)}</ul><p>${t('restore.held_how')}</p></div></div>` : nothing}
    ${found.problems.length ? html`<p class="warn-ink">${t('restore.problems', { n: found.problems.length })}</p>` : nothing}
    <p><button class="btn main" ?disabled=${busy} @click=${restore}>${icon('undo')}${t('restore.do')}</button> <button class="btn" @click=${() => { forget(); redraw(); }}>${t('cancel')}</button></p>`;
  const view = () => html`<div class="ctl"><h1 class="title">${t('more.backup')}</h1></div>${problem(error)}
    <div class="cols two"><form class="card form" @submit=${make}><h2>${t('backup.make')}</h2><p>${t('backup.what')}</p><p class="warn-ink">${t('backup.secrets')}</p>
      ${store.hello.login ? html`<label>${t('backup.password')}<input name="password" type="password" autocomplete="current-password" required></label>` : nothing}
      <button class="btn main" ?disabled=${busy}>${icon('down')}${t(busy === 'backup' ? 'loading' : 'backup.do')}</button>${store.hello.ingress ? html`<p class="hint">${t('backup.app')}</p>` : nothing}</form>
    ${store.hello.features?.includes('restore') ? html`<section class="card form" aria-labelledby="h-restore"><h2 id="h-restore">${t('restore')}</h2><p>${t('restore.what')}</p>
      <label>${t('restore.file')}<input type="file" ?disabled=${busy} @change=${(event) => { forget(); [file] = event.target.files; done = null; redraw(); }}></label>
      ${found ? what() : html`<button class="btn" ?disabled=${!file || busy} @click=${look}>${icon('up')}${t(busy ? 'loading' : 'restore.look')}</button>`}
      ${done ? html`<p class="fine" role="status">${icon('ok')}${t('restore.done')} ${done.kept.length ? t('restore.kept', { names: done.kept.join(', ') }) : nothing}</p>` : nothing}</section>` : nothing}</div>`;
  return { title: () => t('more.backup'), view, leave: forget };
}
