// What was: a day, a month, a year, all of it. The strip of bars is the calendar: a bar is always the way in.

import { html, nothing } from '../vendor/lit.js';
import { query } from '../api.js';
import { under } from '../bars.js';
import { css, loading, problem, segments, sheet } from '../dom.js';
import { addDays, addMonths, dateText, dayOf, energy, join, number, percent } from '../format.js';
import { lang, t } from '../i18n.js';
import { icon } from '../icons.js';
import { now, store } from '../store.js';
import { kindOf, ownRows } from '../history-data.js';
import { batteryChart, dayCharts, loadDay } from '../history-day.js';
import { loadPeriod, periodCharts } from '../history-period.js';
import statistics from '../statistics.js';

const PERIODS = ['day', 'month', 'year', 'all'];

export default function page({ path, query: search, redraw }) {
  const today = () => dayOf(now());
  let view, data = null, error = null, turn = 0, gone = false, later = 0;
  const sums = statistics(redraw);
  const styles = sheet('history.css');

  function take(where, options) {
    const period = [...PERIODS, 'statistics'].includes(where[1]) ? where[1] : 'day';
    const day = /^\d{4}-\d{2}-\d{2}$/.test(where[2] ?? '') ? where[2] : today();
    view = { period, day: day > today() ? today() : day, compare: options.get('with') || 'usual', only: options.get('only') || '', by: options.get('by') || 'device', at: null };
    if (period === 'statistics') sums.open(options);
    else load();
  }

  /** The address says what is shown, so that it can be kept and sent on. */
  function go(next, at = 0) {
    const byDay = next.day !== undefined || next.period !== undefined;
    view = { ...view, at: byDay ? null : view.at, ...next };
    const hash = `#/history/${view.period}/${view.day}` + query({ with: view.compare === 'usual' ? null : view.compare, only: view.only, by: view.by === 'device' ? null : view.by });
    history.replaceState(null, '', hash);
    redraw();
    clearTimeout(later);
    later = setTimeout(load, at);
  }

  async function load() {
    const mine = ++turn;
    const wanted = view;
    try {
      const answer = await (wanted.period === 'day' ? loadDay(wanted, today()) : loadPeriod(wanted, today()));
      if (mine !== turn || gone) return;
      data = { ...answer, period: wanted.period, day: wanted.day };
      error = null;
    } catch (refused) {
      if (mine !== turn || gone) return;
      error = refused;
    }
    await styles;
    redraw();
  }

  // What the strip shows: all days of a month, all months of a year, all years.
  const heading = () => {
    if (view.period === 'day') return dateText(view.day, { weekday: 'long', day: 'numeric', month: 'long', ...(view.day.slice(0, 4) !== today().slice(0, 4) && { year: 'numeric' }) });
    if (view.period === 'month') return dateText(view.day, { month: 'long', year: 'numeric' });
    return view.period === 'year' ? view.day.slice(0, 4) : t('history.all');
  };
  const step = (n) => (view.period === 'day' ? addDays(view.day, n) : view.period === 'month' ? addMonths(view.day, n) : addMonths(`${view.day.slice(0, 4)}-01-01`, 12 * n));

  function strip() {
    const { dates, row, at } = data.strip;
    const most = Math.max(1, ...row.map((wh) => wh ?? 0));
    const label = (date) => (view.period === 'day' ? dateText(date, { day: 'numeric', month: 'long' }) : view.period === 'month' ? dateText(date, { month: 'long' }) : date.slice(0, 4));
    const tick = (date, i) => (view.period === 'day' ? (i === 0 || (i + 1) % 5 === 0 ? i + 1 : '') : view.period === 'month' ? dateText(date, { month: 'narrow' }) : date.slice(0, 4));
    const here = dates.findIndex((date) => date === at);
    const usable = dates.filter((date) => date <= today()).length;
    return html`<div class="strip" ${css({ '--n': String(dates.length) })}>
      <div class="columns" aria-hidden="true">${dates.map((date, i) => html`<i class="${i === here ? 'on' : ''} ${row[i] == null ? 'no' : ''}" ${css({ '--h': `${((row[i] ?? 0) / most) * 100}%` })}></i>`)}</div>
      <div class="ticks" aria-hidden="true">${dates.map((date, i) => html`<span>${tick(date, i)}</span>`)}</div>
      ${usable ? html`<input type="range" min="1" max=${usable} step="1" .value=${String(here + 1)} ${css({ width: `${(usable / dates.length) * 100}%` })}
        aria-label=${t(`strip.${view.period}`)} aria-valuetext="${label(at)}${here >= 0 ? `, ${join(energy(row[here]))}` : ''}"
        @pointerdown=${(event) => pick(dates[under(event, usable)])} @input=${(event) => pick(dates[event.target.value - 1])}>` : nothing}</div>`;
  }

  const pick = (date) => { if (date && date !== data.strip.at) go({ day: date }, 90); };

  function head() {
    const back = step(-1), on = step(1);
    const over = (view.period === 'day' ? on > today() : view.period === 'month' ? on.slice(0, 7) > today().slice(0, 7) : on.slice(0, 4) > today().slice(0, 4));
    return html`<section class="card nav" aria-labelledby="h-when"><div class="head"><h2 id="h-when" aria-live="polite">${heading()}</h2>
      ${data?.soFar ? html`<span class="sofar">${t('history.so_far')}</span>` : nothing}
      ${view.period === 'all' ? nothing : html`<div class="r"><button class="btn sq" aria-label=${t(`before.${view.period}`)} @click=${() => go({ day: back })}>${icon('left')}</button>
      <button class="btn sq" aria-label=${t(`after.${view.period}`)} ?disabled=${over} @click=${() => go({ day: on > today() ? today() : on })}>${icon('right')}</button></div>`}</div>
      ${data?.strip ? strip() : nothing}</section>`;
  }

  const compared = (value, other, words = t(`than.${view.period === 'day' ? 'usual' : 'year'}`)) => {
    if (value == null || !other || data.soFar) return '';
    const share = value / other - 1;
    return Math.abs(share) < 0.005 ? t('same', { than: words }) : t(share > 0 ? 'more' : 'less', { p: percent(Math.abs(share)), than: words });
  };

  function figures() {
    const { wh, usual = {} } = data;
    const part = (of, all, words) => (of == null || !all ? '' : t(words, { p: percent(of / all) }));
    const own = wh.house > 0 && wh.grid_house != null ? Math.max(0, 1 - wh.grid_house / wh.house) : null;
    const rows = [['produced', '--sun', wh.sun, compared(wh.sun, usual.sun)], ['used', '--home', wh.house, compared(wh.house, usual.house)],
      ['given', '--exp', wh.export, part(wh.export, wh.sun, 'of_sun')], ['taken', '--net', wh.import, part(wh.import, wh.house, 'of_used')]];
    const shown = rows.filter(([, , value]) => value != null);
    if (!shown.length) return html`<section class="card"><p class="muted">${t('history.nothing')}</p></section>`;
    return html`<section class="card" aria-label=${t('history.sums')}><dl class="figs">${shown.map(([key, colour, value, words]) => {
      const { text, unit } = energy(value);
      return html`<div><dt ${css({ '--c': `var(${colour})` })}>${t(key)}</dt><dd>${text} <small>${unit}</small><span>${words}</span></dd></div>`;
    })}${own == null ? nothing : html`<div><dt ${css({ '--c': 'var(--ok)' })}>${t('own_supply')}</dt><dd>${number(own * 100)} <small>%</small><span>${t('own_supply.why')}</span></dd></div>`}</dl></section>`;
  }

  function side() {
    const own = ownRows((data.devices ?? []).filter((row) => kindOf(row) === 'sun'));
    const rows = (view.by === 'panel' ? data.panels : own) ?? [];
    if (!own.length && !data.panels?.length) return nothing;
    const sorted = rows.map((row) => ({ ...row, sum: row.wh.some((wh) => wh != null) ? row.wh.reduce((sum, wh) => sum + (wh ?? 0), 0) : null })).sort((a, b) => (b.sum ?? -1) - (a.sum ?? -1));
    const most = Math.max(1, ...sorted.map((row) => row.sum ?? 0));
    const one = (row) => {
      const id = `${row.ref}/${row.key}`;
      const body = html`<span>${view.by === 'panel' ? row.name : store.devices.get(row.ref)?.name ?? row.name}</span><b>${join(energy(row.sum))}</b><i ${css({ '--w': `${((row.sum ?? 0) / most) * 100}%` })}></i>`;
      return html`<li>${view.period === 'day' ? html`<button aria-pressed=${view.only === id ? 'true' : 'false'} @click=${() => go({ only: view.only === id ? '' : id })}>${body}</button>` : html`<div>${body}</div>`}</li>`;
    };
    return html`<section class="card" aria-labelledby="h-by"><div class="head"><h2 id="h-by">${t('history.by')}</h2></div>
      ${data.panels?.length ? segments(t('history.by'), [['device', t('by.device')], ['panel', t('by.panel')]], view.by, (by) => go({ by })) : nothing}
      <ul class="by ${view.by === 'panel' && sorted.length > 10 ? 'many' : ''}">${sorted.map(one)}</ul>
      ${view.period === 'day' ? html`<p class="hint">${t('history.by_hint')}</p>` : nothing}</section>`;
  }

  function csv() {
    const [from, to] = view.period === 'day' ? [view.day, addDays(view.day, 1)] : view.period === 'month' ? [`${view.day.slice(0, 7)}-01`, addMonths(view.day, 1)]
      : view.period === 'year' ? [`${view.day.slice(0, 4)}-01-01`, addMonths(`${view.day.slice(0, 4)}-01-01`, 12)] : ['2000-01-01', addDays(today(), 1)];
    const of = view.period === 'day' ? 'slots' : 'days';
    const link = (extra) => `api/v1/history.csv${query({ from, to, of, ...extra })}`;
    const all = { from: '2000-01-01', to: addDays(today(), 1), of: 'days' };
    return html`<details class="menu"><summary class="btn">${icon('down')}CSV</summary><div>
      <a href=${link({})} download>${t('csv.view')}</a><a href=${link({ excel: 1, lang })} download>${t('csv.view_excel')}</a>
      <a href=${link(all)} download>${t('csv.all')}</a><a href=${link({ ...all, excel: 1, lang })} download>${t('csv.all_excel')}</a></div></details>`;
  }

  const compareWith = () => html`<label class="with"><span class="vh">${t('compare')}</span><select .value=${/^\d/.test(view.compare) ? 'chosen' : view.compare} @change=${(event) => {
    go({ compare: event.target.value === 'chosen' ? addDays(view.day, -7) : event.target.value });
  }}>${['usual', 'before', 'year', 'chosen'].map((key) => html`<option value=${key} ?selected=${key === (/^\d/.test(view.compare) ? 'chosen' : view.compare)}>${t(`compare.${key}`)}</option>`)}</select></label>
    ${/^\d/.test(view.compare) ? html`<label class="with"><span class="vh">${t('compare.chosen')}</span><input type="date" max=${today()} .value=${view.compare} @change=${(event) => { if (event.target.value) go({ compare: event.target.value }); }}></label>` : nothing}`;

  function draw() {
    const periods = [...PERIODS.map((key) => [key, t(`period.${key}`)])];
    return html`<h1 class="vh">${t('tab.history')}</h1>
      <div class="ctl">${segments(t('period'), periods, view.period, (period) => go({ period, only: '' }))}
        <div class="sp">${view.period === 'day' ? compareWith() : nothing}<a class="btn" href="#/history/statistics">${icon('table')}${t('statistics')}</a>${view.period === 'statistics' ? nothing : csv()}</div></div>
      ${view.period === 'statistics' ? sums.view() : shown()}`;
  }

  function shown() {
    if (error) return problem(error);
    if (!data || data.period !== view.period) return html`${head()}${loading()}`;
    return html`<div class="cols">${head()}${figures()}<div class="cols hist"><div class="cols">
      ${view.period === 'day' ? dayCharts(data, view) : periodCharts(data, view, { read: (at) => { view.at = at; redraw(); }, pick: (date) => go({ period: view.period === 'month' ? 'day' : view.period === 'year' ? 'month' : 'year', day: date > today() ? today() : date }) })}</div>
      <div class="cols">${side()}${view.period === 'day' ? batteryChart(data, view) : nothing}</div></div></div>`;
  }

  take(path, search);
  return { title: () => t('tab.history'), view: draw, go: (where, options) => take(where, options), leave: () => { gone = true; clearTimeout(later); } };
}
