// Stacked bars over days, months or years. Plain elements, so that words keep their size on every screen.

import { html, nothing } from './vendor/lit.js';
import { nice } from './charts.js';
import { css } from './dom.js';
import { DASH, energy, join, number } from './format.js';
import { t } from './i18n.js';

/**
 * dates; stacks: [{name, colour, wh: []}] from below; totals: what stands in the readout first; at: index that is read; label: of one date;
 * tick: words under a bar or ''; read(i), pick(i): the cursor moved, a bar was chosen.
 */
export function stackedBars({ dates, stacks, totals, name, at, label, tick, read, pick, flags }) {
  const sums = dates.map((_, i) => stacks.reduce((sum, one) => sum + (one.wh[i] ?? 0), 0));
  const known = dates.map((_, i) => stacks.some((one) => one.wh[i] != null));
  const most = nice(Math.max(100, ...sums) / 1000) * 1000;
  const value = (wh) => (wh == null ? DASH : join(energy(wh)));
  const words = (i) => `${label(i)}: ${value(totals?.[i] ?? (known[i] ? sums[i] : null))}`
    + (stacks.length > 1 ? ` (${stacks.filter((one) => one.wh[i] != null).map((one) => `${one.name} ${value(one.wh[i])}`).join(', ')})` : '');
  const special = flags?.[at] ?? [];
  return html`<p class="read"><span class="t">${label(at)}</span><b>${value(totals?.[at] ?? (known[at] ? sums[at] : null))}</b>
      ${stacks.length > 1 ? stacks.map((one) => html`<span class="key" ${css({ '--c': `var(${one.colour})` })}>${one.name} <b>${value(one.wh[at])}</b></span>`) : nothing}
      ${special.map((one) => html`<span class="flag">${t(`flag.${one}`)}</span>`)}</p>
    <div class="bars"><div class="axis" aria-hidden="true">${[1, 0.5].map((part) => html`<span ${css({ bottom: `${part * 100}%` })}>${number((most / 1000) * part, (most / 1000) * part % 1 ? 1 : 0)}</span>`)}</div>
      <div class="cols-of" role="img" aria-label="${name}: ${words(at)}">${dates.map((_, i) => html`<div class=${i === at ? 'on' : ''}>
        ${stacks.map((one) => (one.wh[i] > 0 ? html`<i ${css({ '--c': `var(${one.colour})`, height: `${(one.wh[i] / most) * 100}%` })}></i>` : nothing))}</div>`)}</div>
      <input type="range" min="0" max=${Math.max(0, dates.length - 1)} step="1" .value=${String(at)} aria-label=${name} aria-valuetext=${words(at)}
        @input=${(event) => read(Number(event.target.value))} @pointermove=${(event) => hover(event, dates.length, read)}
        @click=${(event) => pick?.(under(event, dates.length))} @keydown=${(event) => { if (event.key === 'Enter') pick?.(at); }}>
      <div class="ticks" aria-hidden="true">${dates.map((_, i) => html`<span>${tick(i)}</span>`)}</div></div>
    <details class="as-table"><summary>${t('as_table')}</summary><div class="scroll" tabindex="0" role="region" aria-label=${name}><table><thead><tr><th scope="col">${t('date')}</th>
      <th scope="col">${t('sum')}</th>${stacks.length > 1 ? stacks.map((one) => html`<th scope="col">${one.name}</th>`) : nothing}</tr></thead>
      <tbody>${dates.map((_, i) => html`<tr><th scope="row">${label(i)}</th><td>${value(totals?.[i] ?? (known[i] ? sums[i] : null))}</td>
        ${stacks.length > 1 ? stacks.map((one) => html`<td>${value(one.wh[i])}</td>`) : nothing}</tr>`)}</tbody></table></div></details>`;
}

export function under(event, count) {
  const box = event.currentTarget.getBoundingClientRect();
  return Math.max(0, Math.min(count - 1, Math.floor(((event.clientX - box.left) / box.width) * count)));
}

function hover(event, count, read) {
  if (event.pointerType === 'mouse' && !event.buttons) read(under(event, count));
}
