// Everything in one file, and back again.

import { html, nothing } from '../vendor/lit.js';
import { download, send } from '../api.js';
import { confirmed, problem, sheet } from '../dom.js';
import { t } from '../i18n.js';
import { icon } from '../icons.js';
import { dayOf } from '../format.js';
import { now, start, store } from '../store.js';

export default function page({ redraw }) {
  let error = null, busy = '', done = null, file = null;
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

  async function restore() {
    if (!(await confirmed(t('restore.ask', { name: file.name }), t('restore.do')))) return;
    busy = 'restore';
    redraw();
    try {
      const answer = await send('POST', 'restore', file, { raw: true, seconds: 900 });
      done = await answer.json().catch(() => ({}));
      error = null;
      file = null;
      setTimeout(start, 3000);
    } catch (refused) { error = refused; }
    busy = '';
    redraw();
  }

  const contents = (it) => Object.entries(it ?? {}).filter(([, value]) => typeof value !== 'object').map(([key, value]) => `${key}: ${value}`).join(', ');
  const view = () => html`<div class="ctl"><h1 class="title">${t('more.backup')}</h1></div>${problem(error)}
    <div class="cols two"><form class="card form" @submit=${make}><h2>${t('backup.make')}</h2><p>${t('backup.what')}</p><p class="warn-ink">${t('backup.secrets')}</p>
      ${store.hello.login ? html`<label>${t('backup.password')}<input name="password" type="password" autocomplete="current-password" required></label>` : nothing}
      <button class="btn main" ?disabled=${busy}>${icon('down')}${t(busy === 'backup' ? 'loading' : 'backup.do')}</button>${store.hello.ingress ? html`<p class="hint">${t('backup.app')}</p>` : nothing}</form>
    ${store.hello.features?.includes('restore') ? html`<section class="card form" aria-labelledby="h-restore"><h2 id="h-restore">${t('restore')}</h2><p>${t('restore.what')}</p>
      <label>${t('restore.file')}<input type="file" @change=${(event) => { [file] = event.target.files; done = null; redraw(); }}></label>
      <button class="btn" ?disabled=${!file || busy} @click=${restore}>${icon('up')}${t(busy === 'restore' ? 'loading' : 'restore.do')}</button>
      ${done ? html`<p class="fine" role="status">${icon('ok')}${t('restore.done')} ${contents(done.contents)}</p>` : nothing}</section>` : nothing}</div>`;
  return { title: () => t('more.backup'), view };
}
