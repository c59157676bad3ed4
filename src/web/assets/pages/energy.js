// What to choose in Home Assistant's Energy dashboard, place by place.

import { html, nothing } from '../vendor/lit.js';
import { change, get } from '../api.js';
import { announce, confirmed, loading, problem, sheet } from '../dom.js';
import { t } from '../i18n.js';
import { icon } from '../icons.js';
import { houseLanguage } from '../store.js';

const ORDER = ['solar', 'grid_import', 'grid_export', 'power', 'battery_in', 'battery_out', 'gas', 'water'];

export default function page({ redraw }) {
  let answer = null, error = null, refused = null, done = null, busy = false;
  const load = () => Promise.all([get('energy-dashboard'), sheet('more.css')]).then(([read]) => { answer = read; }, (it) => { error = it; }).then(redraw);

  const what = (one) => t('energy.add_one', { place: t(`energy.${one.kind}`), device: one.device, entities: one.entities.join(', ') });

  // Shown, asked, then written: what is in the dashboard stays as it is.
  async function add({ rev, additions }) {
    if (!(await confirmed([t('energy.add_ask'), ...additions.map((one) => `• ${what(one)}`), t('energy.add_keeps')].join('\n'), t('energy.add_yes')))) return;
    [busy, refused, done] = [true, null, null];
    redraw();
    let outcome = [null, null];
    try { outcome = [null, await change('POST', 'energy-dashboard/add', { rev })]; } catch (it) { outcome = [it, null]; }
    // Said beside what is there now: who tries again at once must not ask for what was shown before.
    await load();
    [busy, refused, done] = [false, ...outcome];
    redraw();
  }

  function home() {
    const { home_assistant: it } = answer;
    if (!it) return nothing;
    if (it.problem) return html`<div class="note">${icon('warn')}<div><h2>${t('energy.not_asked')}</h2><p class="do" lang="en">${it.problem}</p></div></div>`;
    const fresh = done?.issues.some((one) => one.kind === 'statistics_not_defined'), others = done?.issues.filter((one) => one.kind !== 'statistics_not_defined') ?? [];
    return html`${refused ? problem(refused) : nothing}
      ${done ? html`<section class="card" role="status"><h2 class="fine">${icon('ok')}${t('energy.added')}</h2><p class="muted">${done.added.join(', ')}</p>${fresh ? html`<p class="hint">${t('energy.wait')}</p>` : nothing}
        ${others.map((one) => html`<p class="do">${one.entity_id}: <span lang="en">${one.kind.replaceAll('_', ' ')}</span></p>`)}</section>` : nothing}
      ${it.additions.length ? html`<section class="card missing" aria-labelledby="h-missing"><h2 id="h-missing">${t('energy.missing')}</h2><ul class="places">${it.additions.map((one) => html`<li><div><b>${t(`energy.${one.kind}`)}</b> · ${one.device}${one.entities.map((id) => html`<code>${id}</code>`)}</div></li>`)}</ul>
        <p><button class="btn main" ?disabled=${busy} @click=${() => add(it)}>${icon('plus')}${t('energy.add')}</button></p></section>` : nothing}`;
  }

  async function copy(words) { try { await navigator.clipboard.writeText(words); announce(t('copied')); } catch { prompt(t('copy'), words); } }

  const entry = (one) => {
    const words = one.entity_id ?? `${one.device} ${one.name}`;
    return html`<li><div><b>${one.device}</b> · ${one.name}${one.remark ? html`<p lang=${houseLanguage()}>${one.remark}</p>` : nothing}${one.entity_id ? html`<code>${one.entity_id}</code>` : nothing}${one.held ? html`<p>${t(`energy.held.${one.held}`)}</p>` : nothing}</div>
      ${one.used == null ? nothing : html`<span class="used ${one.used ? 'ok' : ''}">${one.used ? html`${icon('ok')}${t('energy.used')}` : t('energy.not_yet')}</span>`}
      <button class="btn" aria-label=${t('energy.copy', { name: words })} @click=${() => copy(words)}>${icon('copy')}${t('copy')}</button></li>`;
  };

  const view = () => html`<div class="ctl"><h1 class="title">${t('more.energy')}</h1></div>
    ${error ? problem(error) : !answer ? loading() : html`<p class="lead">${t('energy.where')}</p><div class="cols">${home()}</div><div class="cols two">${ORDER.map((name) => answer.places.find((one) => one.place === name)).filter((one) => one && (one.entries.length || one.not.length)).map((one) => html`
      <section class="card" aria-label=${t(`energy.${one.place}`)}><h2>${t(`energy.${one.place}`)}</h2><ul class="places">${one.entries.map(entry)}</ul>
      ${one.not.map((beside) => html`<p class="hint">${t('energy.not', { n: beside.refs.length, device: beside.device })}</p>`)}</section>`)}</div>
      ${answer.places.some((one) => one.entries.length) ? html`<p class="hint">${t('energy.wait')}</p>` : html`<p class="empty">${t('energy.none')}</p>`}`}`;
  load();
  return { title: () => t('more.energy'), view };
}
