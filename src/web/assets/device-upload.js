// What of an upload has not arrived: what waits and since when, what was given up and why, and what helps.

import { html, nothing } from './vendor/lit.js';
import { change, get } from './api.js';
import { moment, number } from './format.js';
import { healthWord } from './health.js';
import { t } from './i18n.js';
import { icon } from './icons.js';
import { houseLanguage, isAdmin } from './store.js';
import { heard } from './cards.js';

const COMMANDS = [['preview', ''], ['retry', ''], ['skip', ' --until YYYY-MM-DD']];

export function upload(ref, redraw) {
  let it = null, asked = '', outcome = null, busy = false;

  // Again whenever something of it is different.
  async function load(state) {
    const { code, detail } = state?.health ?? {};
    const wanted = JSON.stringify([state?.values, code, detail]);
    if (asked === wanted) return;
    asked = wanted;
    it = await get(`devices/${ref}/upload`).catch(() => it);
    redraw();
  }

  async function retry() {
    busy = true;
    redraw();
    try {
      const { again } = await change('POST', `devices/${ref}/upload/retry`);
      outcome = { ok: true, words: again ? t('upload.trying_again', { n: again }) : t('upload.trying') };
      asked = '';
    } catch (refused) {
      outcome = { ok: false, words: [refused.message || t('error.unreachable'), refused.hint].filter(Boolean).join(' ') };
    }
    busy = false;
    redraw();
  }

  const line = (name, value) => html`<li><span>${name}</span><b>${value}</b></li>`;

  function givenUp() {
    if (!it.given_up.length) return nothing;
    return html`<details class="fold" open><summary><h2>${t('upload.gone')}</h2> <span>${number(it.given_up.length + it.older)}</span></summary>
      <ol class="changes">${it.given_up.map(({ at, reason }) => html`<li>${icon('close')}<time>${moment(at)}</time><div><p>${reason}</p></div></li>`)}</ol>
      ${it.older ? html`<p class="muted">${t('upload.older', { n: it.older })}</p>` : nothing}</details>`;
  }

  function view(one, state, health) {
    if (one.icon !== 'upload' || !isAdmin()) return nothing;
    load(state);
    if (!it) return nothing;
    // As it came; what is wrong now stands above already.
    const trouble = health?.changes.find((change) => change.detail && change.code !== 'online');
    return html`<section class="card" aria-labelledby="h-upload"><div class="head"><h2 id="h-upload">${t('upload.title')}</h2>
      <button class="btn" ?disabled=${busy} @click=${retry}>${icon('up')}${t('upload.retry_now')}</button></div>
      ${outcome ? html`<p class="outcome ${outcome.ok ? 'ok' : 'warn'}" role="status">${icon(outcome.ok ? 'ok' : 'warn')}${outcome.words}</p>` : nothing}
      <ul class="values facts">${line(t('upload.waits'), it.waiting ? t('upload.rows', { n: it.waiting, t: moment(it.since) }) : t('upload.none'))}
      ${it.done == null ? nothing : line(t('upload.done'), moment(it.done))}
      ${line(t('upload.last'), state?.values?.last_success == null ? t('upload.never') : heard(one, state))}</ul>
      ${trouble ? html`<p class="said"><span>${t('upload.trouble')}, ${moment(trouble.at)}: ${healthWord(trouble)}</span> <q lang=${houseLanguage()}>${trouble.detail}</q></p>` : nothing}
      ${givenUp()}
      <details class="fold"><summary><h2>${t('upload.commands')}</h2></summary><dl class="commands">${COMMANDS.map(([task, more]) => html`<dt>${t(`upload.${task}`)}</dt>
        <dd><code>wattbridge export ${task} ${it.target}${more}</code></dd>`)}</dl></details></section>`;
  }
  return { view };
}
