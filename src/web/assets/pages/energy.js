// What to choose in Home Assistant's Energy dashboard, place by place.

import { html, nothing } from '../vendor/lit.js';
import { get } from '../api.js';
import { announce, loading, problem, sheet } from '../dom.js';
import { t } from '../i18n.js';
import { icon } from '../icons.js';
import { houseLanguage } from '../store.js';

const ORDER = ['solar', 'grid_import', 'grid_export', 'power', 'battery_in', 'battery_out'];

export default function page({ redraw }) {
  let answer = null, error = null;
  Promise.all([get('energy-dashboard'), sheet('more.css')]).then(([read]) => { answer = read; }, (refused) => { error = refused; }).then(redraw);

  async function copy(words) { try { await navigator.clipboard.writeText(words); announce(t('copied')); } catch { prompt(t('copy'), words); } }

  const entry = (one) => {
    const words = one.entity_id ?? `${one.device} ${one.name}`;
    return html`<li><div><b>${one.device}</b> · ${one.name}${one.remark ? html`<p lang=${houseLanguage()}>${one.remark}</p>` : nothing}${one.entity_id ? html`<code>${one.entity_id}</code>` : nothing}</div>
      ${one.used == null ? nothing : html`<span class="used ${one.used ? 'ok' : ''}">${one.used ? html`${icon('ok')}${t('energy.used')}` : t('energy.not_yet')}</span>`}
      <button class="btn" aria-label=${t('energy.copy', { name: words })} @click=${() => copy(words)}>${icon('copy')}${t('copy')}</button></li>`;
  };

  const view = () => html`<div class="ctl"><h1 class="title">${t('more.energy')}</h1></div>
    ${error ? problem(error) : !answer ? loading() : html`<p class="lead">${t('energy.where')}</p><div class="cols two">${ORDER.map((name) => answer.places.find((one) => one.place === name)).filter((one) => one && (one.entries.length || one.not.length)).map((one) => html`
      <section class="card" aria-label=${t(`energy.${one.place}`)}><h2>${t(`energy.${one.place}`)}</h2><ul class="places">${one.entries.map(entry)}</ul>
      ${one.not.map((beside) => html`<p class="hint">${t('energy.not', { n: beside.refs.length, device: beside.device })}</p>`)}</section>`)}</div>
      ${answer.places.some((one) => one.entries.length) ? html`<p class="hint">${t('energy.wait')}</p>` : html`<p class="empty">${t('energy.none')}</p>`}`}`;
  return { title: () => t('more.energy'), view };
}
