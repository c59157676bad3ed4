// Sums of a chosen period: how much, the best and the worst day, the greatest power, what is missing, and money where there are prices.

import { html, nothing } from './vendor/lit.js';
import { get, query } from './api.js';
import { loading, problem } from './dom.js';
import { addDays, addMonths, DASH, dateText, dayOf, daysBetween, energy, join, moment, money, power } from './format.js';
import { has, t } from './i18n.js';
import { kindOf } from './history-data.js';
import { now } from './store.js';

const SHORT = { day: 'numeric', month: 'short', year: 'numeric' };

export default function statistics(redraw) {
  const today = () => dayOf(now());
  let from, to, answer = null, error = null, turn = 0;

  const presets = () => {
    const month = `${today().slice(0, 7)}-01`, year = `${today().slice(0, 4)}-01-01`;
    return [['this_month', month, today()], ['last_month', addMonths(month, -1), addDays(month, -1)], ['this_year', year, today()],
      ['last_year', addMonths(year, -12), addDays(year, -1)], ['12_months', addDays(addMonths(month, -11), 0), today()]];
  };

  function open(options) {
    const valid = (day) => /^\d{4}-\d{2}-\d{2}$/.test(day ?? '');
    const [, start, end] = presets()[0];
    from = valid(options.get('from')) ? options.get('from') : start;
    to = valid(options.get('to')) ? options.get('to') : end;
    load();
  }

  async function load() {
    const mine = ++turn;
    error = null;
    history.replaceState(null, '', `#/history/statistics${query({ from, to })}`);
    try {
      const read = await get('history/statistics' + query({ from, to: addDays(to, 1) }));
      if (mine === turn) answer = read;
    } catch (refused) { if (mine === turn) { error = refused; answer = null; } }
    redraw();
  }

  const change = (name) => (event) => {
    if (!event.target.value) return;
    if (name === 'from') from = event.target.value; else to = event.target.value;
    if (from <= to) load(); else redraw();
  };

  const day = (one) => (one ? html`${join(energy(one.wh))}<span>${dateText(one.date, SHORT)}</span>` : DASH);
  const named = (row) => (row.ref === 'house' ? (has(`sum.${row.key}`) ? t(`sum.${row.key}`) : row.name) : row.name);
  const gaps = (row) => (row.gap_days?.length ? html`<details><summary>${t('gaps', { n: row.gap_days.length })}</summary>${row.gap_days.slice(0, 40).map((one) => dateText(one, SHORT)).join(', ')}${row.gap_days.length > 40 ? ' …' : ''}</details>` : t('gaps.none'));

  function table(title, rows, folded) {
    if (!rows.length) return nothing;
    const paid = rows.some((row) => row.money != null);
    const columns = ['sum', 'mean_day', 'best', 'worst', 'peak', ...(paid ? ['money'] : []), 'gap_days'];
    const cell = (row, column) => ({
      sum: () => html`<b>${join(energy(row.sum_wh))}</b>`, mean_day: () => join(energy(row.mean_day_wh)), best: () => day(row.best), worst: () => day(row.worst),
      peak: () => (row.peak ? html`${join(power(row.peak.w))}${row.peak.at ? html`<span>${moment(row.peak.at)}</span>` : nothing}` : DASH),
      money: () => html`<b class=${row.money > 0 ? 'gain' : ''}>${money(row.money, answer.currency)}</b>${row.unpriced_days ? html`<span>${t('money.unpriced', { n: row.unpriced_days })}</span>` : nothing}`, gap_days: () => gaps(row),
    })[column]();
    const made = html`<table class="stat" role="table"><thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col"><span class="vh">${t('name')}</span></th>
      ${columns.map((column) => html`<th role="columnheader" scope="col">${t(`stat.${column}`)}</th>`)}</tr></thead><tbody role="rowgroup">${rows.map((row) => html`<tr role="row"><th role="rowheader" scope="row">${named(row)}</th>
      ${columns.map((column) => html`<td role="cell" data-label=${t(`stat.${column}`)}><div>${cell(row, column)}</div></td>`)}</tr>`)}</tbody></table>`;
    return html`<section class="card" aria-label=${title}>${folded ? html`<details class="fold"><summary><h2>${title}</h2></summary>${made}</details>` : html`<h2>${title}</h2>${made}`}</section>`;
  }

  function view() {
    const rows = answer?.rows ?? [];
    const house = rows.filter((row) => row.ref === 'house'), panels = rows.filter((row) => row.ref !== 'house' && (row.of ?? kindOf(row)) === 'panel');
    const devices = rows.filter((row) => row.ref !== 'house' && !panels.includes(row));
    const total = house.reduce((sum, row) => (row.money == null ? sum : (sum ?? 0) + row.money), null);
    return html`<section class="card period" aria-labelledby="h-stat"><h2 id="h-stat">${t('statistics.of')}</h2>
      <div class="fields"><label>${t('date.from')}<input type="date" .value=${from} max=${to} @change=${change('from')}></label>
        <label>${t('date.to')}<input type="date" .value=${to} min=${from} max=${today()} @change=${change('to')}></label></div>
      <div class="presets">${presets().map(([key, start, end]) => html`<button class="btn" aria-pressed=${start === from && end === to ? 'true' : 'false'} @click=${() => { from = start; to = end; load(); }}>${t(`preset.${key}`)}</button>`)}</div>
      <p class="muted">${t('days', { n: daysBetween(from, to) + 1 })}${total == null ? nothing : html` · ${t('money.together')} <b>${money(total, answer.currency)}</b>`}
        ${answer && answer.currency == null ? html` · ${t('money.none')}` : nothing}</p></section>
      ${error ? problem(error) : !answer ? loading() : html`<div class="cols">${table(t('stat.house'), house)}${table(t('by.device'), devices)}${table(t('by.panel'), panels, true)}
      ${rows.every((row) => row.sum_wh == null) ? html`<p class="empty">${t('history.nothing')}</p>` : nothing}</div>`}`;
  }
  return { open, view };
}
