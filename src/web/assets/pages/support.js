// One text file that says how things are, to be read before it leaves the house. Nothing is sent from here.

import { html } from '../vendor/lit.js';
import { download, getText } from '../api.js';
import { announce, loading, problem, sheet } from '../dom.js';
import { t } from '../i18n.js';
import { icon } from '../icons.js';

// Parts begin with a line like "## States".
function partsOf(text) {
  const parts = [];
  for (const line of text.split('\n')) {
    const head = /^## (.+)$/.exec(line);
    if (head || !parts.length) parts.push({ name: head?.[1] ?? '', lines: [], on: true });
    parts.at(-1).lines.push(line);
  }
  return parts.filter((part) => part.lines.join('').trim());
}

export default function page({ redraw }) {
  let parts = null, error = null;
  Promise.all([getText('support'), sheet('more.css')]).then(([text]) => { parts = partsOf(text); }, (refused) => { error = refused; }).then(redraw);
  const text = () => parts.filter((part) => part.on).map((part) => part.lines.join('\n')).join('\n');
  async function copy() { try { await navigator.clipboard.writeText(text()); announce(t('copied')); } catch { download('wattbridge-support.txt', new Blob([text()])); } }

  const view = () => html`<div class="ctl"><h1 class="title">${t('more.support')}</h1>${parts ? html`<div class="sp"><button class="btn" @click=${copy}>${icon('copy')}${t('copy')}</button>
      <button class="btn main" @click=${() => download('wattbridge-support.txt', new Blob([text()], { type: 'text/plain' }))}>${icon('down')}${t('download')}</button></div>` : ''}</div>
    <p class="lead">${t('support.what')}</p>
    ${error ? problem(error) : !parts ? loading() : html`<div class="cols support"><section class="card" aria-labelledby="h-parts"><h2 id="h-parts">${t('support.parts')}</h2><ul class="ticks-list">${parts.map((part) => html`<li><label><input type="checkbox" .checked=${part.on} @change=${(event) => { part.on = event.target.checked; redraw(); }}>
      <span>${part.name || t('support.head')} <span class="muted">${t('lines', { n: part.lines.length })}</span></span></label></li>`)}</ul></section>
      <section class="card"><h2 id="h-text">${t('support.text')}</h2><pre tabindex="0" role="region" aria-labelledby="h-text" lang="en">${text()}</pre></section></div>`}`;
  return { title: () => t('more.support'), view };
}
