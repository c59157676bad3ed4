// What can be set on a device: the present value, its bounds, a question before every write, and what came of it.

import { html, nothing } from './vendor/lit.js';
import { change } from './api.js';
import { optionWord } from './cards.js';
import { confirmed } from './dom.js';
import { clock, join, metricValue } from './format.js';
import { t } from './i18n.js';
import { icon } from './icons.js';
import { store } from './store.js';

export function controls(ref, redraw) {
  const drafts = new Map(), outcomes = new Map(), busy = new Set();

  async function set(one, control, value) {
    const words = control.kind === 'button' ? t('set.press', { control: control.name, device: one.name })
      : t('set.ask', { control: control.name, device: one.name, value: control.unit ? `${value}\u202f${control.unit}` : said(control, value) });
    if (!(await confirmed(words, t('set.do')))) return;
    busy.add(control.key);
    redraw();
    try {
      outcomes.set(control.key, await change('POST', `devices/${ref}/controls/${control.key}`, { value: String(value) }));
    } catch (refused) {
      outcomes.set(control.key, { ok: false, error: [refused.message || t('error.unreachable'), refused.hint].filter(Boolean).join(' '), at: Date.now() / 1000 });
    }
    busy.delete(control.key);
    drafts.delete(control.key);
    redraw();
  }

  const said = (control, value) => (control.kind === 'switch' ? t(value === 'on' ? 'on' : 'off') : optionWord(value));

  function input(one, control, present) {
    const id = `set-${control.key}`;
    const draft = drafts.get(control.key);
    const keep = (event) => { drafts.set(control.key, event.target.value); redraw(); };
    const send = (value, words = t('set.do')) => html`<button class="btn" ?disabled=${busy.has(control.key) || value == null || value === ''} @click=${() => set(one, control, value)}>${words}</button>`;
    if (control.kind === 'button') return send('PRESS', control.name);
    if (control.kind === 'switch') return html`<div class="seg" role="group" aria-label=${control.name}>${['on', 'off'].map((value) => html`<button aria-pressed=${(present === true) === (value === 'on') && typeof present === 'boolean' ? 'true' : 'false'} ?disabled=${busy.has(control.key)} @click=${() => set(one, control, value)}>${t(value)}</button>`)}</div>`;
    if (control.kind === 'select') {
      return html`<select id=${id} aria-label=${control.name} @change=${keep}><option value="" ?selected=${draft == null}>${present == null ? '—' : optionWord(present)}</option>
        ${control.options.filter((option) => option !== present).map((option) => html`<option value=${option} ?selected=${option === draft}>${optionWord(option)}</option>`)}</select>${send(draft)}`;
    }
    const shown = draft ?? (typeof present === 'number' ? String(present) : '');
    return html`<input id=${id} type="number" aria-label=${control.name} min=${control.min ?? nothing} max=${control.max ?? nothing} step=${control.step ?? 'any'} .value=${shown} @input=${keep}><span class="unit">${control.unit ?? ''}</span>${send(draft)}`;
  }

  const bounds = (control) => (control.kind === 'number' && control.min != null && control.max != null ? t('set.bounds', { a: control.min, b: control.max, unit: control.unit ?? '' }) : '');

  function outcome(control) {
    const it = outcomes.get(control.key);
    if (busy.has(control.key)) return html`<p class="outcome" role="status">${icon('wait')}${t('set.busy')}</p>`;
    if (!it) return nothing;
    return html`<p class="outcome ${it.ok ? 'ok' : 'warn'}" role="status">${icon(it.ok ? 'ok' : 'warn')}${clock(it.at, true)} ${it.ok ? t('set.done', { value: it.value == null ? '' : String(optionWord(it.value)) }) : it.error}</p>`;
  }

  function view(one, state) {
    if (!one.controls?.length || !store.hello?.features?.includes('controls')) return nothing;
    return html`<section class="card" aria-labelledby="h-set"><h2 id="h-set">${t('controls')}</h2><ul class="controls">${one.controls.map((control) => {
      const present = state?.values?.[control.key];
      const metric = one.metrics.find((what) => what.key === control.key);
      const words = present == null || control.kind === 'button' ? '' : typeof present === 'string' ? optionWord(present) : join(metricValue(present, metric ?? control));
      return html`<li><div><b>${control.kind === 'button' ? '' : control.name}</b><span>${[words && t('set.now', { value: words }), bounds(control)].filter(Boolean).join(' · ')}</span></div><div class="input">${input(one, control, present)}</div>${outcome(control)}</li>`;
    })}</ul></section>`;
  }
  return { view };
}
