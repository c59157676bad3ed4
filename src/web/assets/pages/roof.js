// Each panel where it lies: its power now or at any time of a day, its energy, and how it compares with its neighbours.

import { html, nothing, repeat } from '../vendor/lit.js';
import { get, query } from '../api.js';
import { nice, path as line } from '../charts.js';
import { css, loading, problem, segments, sheet } from '../dom.js';
import { addDays, clock, dateText, dayOf, energy, join, number, percent, power } from '../format.js';
import { healthWord, tone } from '../health.js';
import { t } from '../i18n.js';
import { icon } from '../icons.js';
import { can, houseLanguage, isAdmin, now, store } from '../store.js';
import { deviceOf, DIRECTIONS, extent, fromServer, keyOf, median, scaleOf, sizeOf } from '../roof-model.js';
import { findings, ranking } from '../roof-findings.js';

const WEAK = 0.85;
const FRAME = 90;
const AGAIN = 300_000;

export default function page({ path, redraw }) {
  let roof = null, day = dayOf(now()), slots = null, weak = null, error = null, arrange = null;
  let mode = 'power', at = null, playing = 0, gone = false, read = 0;
  const styles = sheet('roof.css');

  async function load() {
    read = Date.now();
    try {
      const wanted = day;
      const optional = (promise) => promise.catch(() => null);
      const [layout, power, found] = await Promise.all([get('roof'), can('history') ? optional(get('roof/power' + query({ day: wanted }))) : null,
        weak || !can('history') ? weak : optional(get('roof/weak'))]);
      await styles;
      if (gone || wanted !== day) return;
      roof = fromServer(layout);
      slots = power;
      weak = found;
      error = null;
    } catch (refused) { error = refused; }
    redraw();
  }

  const isToday = () => day === dayOf(now());
  const last = () => {
    if (!slots) return 0;
    const all = Object.values(slots.panels);
    for (let i = Math.max(0, ...all.map((one) => one.length)) - 1; i > 0; i -= 1) if (all.some((one) => one[i] != null)) return i;
    return 0;
  };
  const first = () => { const all = Object.values(slots?.panels ?? {}); const i = all[0]?.findIndex((_, n) => all.some((one) => one[n] > 0)) ?? 0; return Math.max(0, i - 1); };
  const live = () => at == null && isToday();

  const wattsOf = (panel) => (live() ? store.states.get(deviceOf(panel))?.values?.[keyOf(panel)] ?? null
    : slots?.panels[panel.id]?.[at ?? last()] ?? null);
  const valueOf = (panel) => (mode === 'energy' ? slots?.energy[panel.id] ?? null : wattsOf(panel));

  function why(panel) {
    const state = store.states.get(deviceOf(panel));
    if (live() && state && tone(state.health) !== 'ok') {
      return [healthWord(state.health), state.since ? t('since', { t: clock(state.since) }) : ''];
    }
    return [t('unknown'), ''];
  }

  function tile(panel, plane, size, best, mid) {
    const value = valueOf(panel);
    const box = sizeOf(panel);
    const share = value == null || !mid ? null : value / mid;
    const full = value == null ? 0 : mode === 'compare' ? Math.max(0, Math.min(1, (share - 0.4) / 0.6)) : value / best;
    // By a trickle of light nothing can be compared.
    const isWeak = share != null && share < WEAK && (mode === 'energy' || mid > 15);
    const place = css({ left: `${(panel.x / size.w) * 100}%`, top: `${(panel.y / size.h) * 100}%`, width: `${(box.w / size.w) * 100}%`, height: `${(box.h / size.h) * 100}%`, '--v': `${Math.round(full * 100)}%` });
    const to = `#/devices/${deviceOf(panel)}?metric=${keyOf(panel)}`;
    if (value == null) {
      const [words, since] = why(panel);
      return html`<a class="tile none" href=${to} ${place} aria-label="${panel.name}: ${words} ${since}"><span><span>${words}</span> <span>${since}</span></span></a>`;
    }
    const [text, unit] = mode === 'compare' ? [share == null ? '—' : number(share * 100), '%'] : mode === 'energy' ? [number(value), 'Wh'] : [number(value), 'W'];
    const less = isWeak ? `−${percent(1 - share)}` : '';
    return html`<a class="tile ${full > 0.5 ? 'hi' : ''} ${isWeak ? 'weak' : ''}" href=${to} ${place} aria-label="${panel.name}: ${text} ${unit} ${less}">
      <span><b>${text}</b> <span>${unit}</span>${isWeak ? html` <em>${less}</em>` : nothing}</span></a>`;
  }

  function planeView(plane, best) {
    const size = extent(plane);
    const values = plane.panels.map(valueOf);
    const mid = median(values);
    const sum = values.some((one) => one != null) ? values.reduce((a, b) => a + (b ?? 0), 0) : null;
    const note = [DIRECTIONS.includes(plane.direction) ? t(`direction.${plane.direction}`) : plane.direction, plane.steep != null ? t('steep', { n: plane.steep }) : ''].filter(Boolean).join(', ');
    const silent = live() ? [...new Set(plane.panels.filter((panel) => valueOf(panel) == null).map(deviceOf))].filter((ref) => tone(store.states.get(ref)?.health) === 'warn') : [];
    return html`<section class="plane" aria-label=${plane.name} ${css({ '--w': String(size.w) })}><h2>${plane.name}<span>${note}</span><b>${join(mode === 'energy' ? energy(sum) : power(sum))}</b></h2>
      <div class="field" ${css({ '--a': `${size.w} / ${size.h}` })}>${repeat(plane.panels, (panel) => panel.id, (panel) => tile(panel, plane, size, best, mid))}</div>
      ${silent.map((ref) => {
    const { health } = store.states.get(ref);
    const names = plane.panels.filter((panel) => deviceOf(panel) === ref).map((panel) => panel.name).join(', ');
    return html`<p class="gap"><b>${names}: ${healthWord(health)}.</b> <span lang=${houseLanguage()}>${health.detail} ${health.advice}</span> <a href="#/devices/${ref}">${t('show_it')}</a></p>`;
  })}</section>`;
  }

  const pick = (next) => { at = isToday() && next >= last() ? null : next; redraw(); };
  function play() {
    if (playing) { clearInterval(playing); playing = 0; return redraw(); }
    const end = last();
    let here = at == null || at >= end - 1 ? first() : at;
    playing = setInterval(() => {
      here += 2;
      if (here >= end) { clearInterval(playing); playing = 0; here = end; }
      pick(Math.min(here, end));
    }, FRAME);
    redraw();
  }

  function replay() {
    if (!slots || !Object.keys(slots.panels).length) return nothing;
    const all = Object.values(slots.panels);
    const length = Math.max(...all.map((one) => one.length));
    const total = Array.from({ length }, (_, i) => [i, all.some((one) => one[i] != null) ? all.reduce((sum, one) => sum + (one[i] ?? 0), 0) : null]);
    const begin = first(), end = last();
    const shown = total.slice(begin, end + 1);
    const most = nice(Math.max(1, ...shown.map(([, w]) => w ?? 0)));
    const X = (i) => 13 + ((i - begin) / Math.max(1, end - begin)) * 574, Y = (w) => 54 - (w / most) * 48;
    const here = at ?? end;
    const time = slots.t0 + here * slots.step;
    return html`<div class="when"><button class="btn sq" aria-label=${t(playing ? 'replay.pause' : 'replay.play')} @click=${play}>${icon(playing ? 'pause' : 'play')}</button>
      <div class="wave"><svg viewBox="0 0 600 60" preserveAspectRatio="none" aria-hidden="true"><path d=${line(shown, X, Y, 0).d} fill="var(--sun)" opacity=".24"/>
        <path d=${line(shown, X, Y).d} class="line" stroke="var(--sun-line)" stroke-width="2" vector-effect="non-scaling-stroke"/><path d="M0 54.5H600" stroke="var(--line)"/></svg>
      <input type="range" min=${begin} max=${end} step="1" .value=${String(here)} aria-label=${t('replay.time')} aria-valuetext=${live() ? t('age.now') : clock(time)} @input=${(event) => pick(Number(event.target.value))}></div>
      <p class="at">${live() ? clock(now()) : clock(time)}<small>${live() ? t('age.now') : isToday() ? t('replay.today') : dateText(day, { day: 'numeric', month: 'short' })}</small></p>
      <div class="days"><button class="btn sq" aria-label=${t('before.day')} @click=${() => other(-1)}>${icon('left')}</button><button class="btn sq" aria-label=${t('after.day')} ?disabled=${isToday()} @click=${() => other(1)}>${icon('right')}</button></div></div>`;
  }

  function other(n) {
    clearInterval(playing);
    playing = 0;
    const next = addDays(day, n);
    if (next > dayOf(now())) return;
    // The same time of the day before: what one wants to compare.
    const here = at ?? last();
    day = next;
    at = isToday() ? null : here;
    load();
  }

  function view() {
    if (arrange) return arrange.view();
    if (error) return html`<h1 class="vh">${t('tab.roof')}</h1>${problem(error)}`;
    if (!roof) return html`<h1 class="vh">${t('tab.roof')}</h1>${loading()}`;
    if (isToday() && Date.now() - read > AGAIN) load();
    const planes = roof.planes.filter((plane) => plane.panels.length);
    const shownPanels = planes.flatMap((plane) => plane.panels);
    const known = shownPanels.map(valueOf).filter((one) => one != null);
    const best = Math.max(1, ...known);
    const side = [findings(weak, slots), ranking(shownPanels, slots, weak, isToday())];
    const modes = [['power', t('roof.power')], ...(slots ? [['energy', isToday() ? t('today') : t('roof.energy')]] : []), ['compare', t('roof.compare')]];
    const scale = mode === 'compare' ? [`40\u202f%`, t('roof.like_others')] : [`0\u202f${mode === 'energy' ? 'Wh' : 'W'}`, t(mode === 'energy' ? 'roof.best_day' : live() ? 'roof.best_now' : 'roof.best_then', { v: `${number(best)}\u202f${mode === 'energy' ? 'Wh' : 'W'}` })];
    return html`<h1 class="vh">${t('tab.roof')}</h1>
      <div class="ctl">${segments(t('roof.what'), modes, mode, (next) => { mode = next; redraw(); })}
        ${isAdmin() ? html`<a class="btn" href="#/roof/arrange">${icon('move')}${t('roof.arrange')}</a>` : nothing}</div>
      <div class="cols ${side.every((one) => one === nothing) ? '' : 'roof'}"><section class="card" aria-label=${t('roof.panels')}>
        ${planes.length ? html`<div class="planes"><div ${css(scaleOf(planes.map((plane) => extent(plane))))}>${planes.map((plane) => planeView(plane, best))}</div></div>
          ${known.length ? html`<p class="scale"><span>${scale[0]}</span><i></i><span>${scale[1]}</span></p>` : nothing}${replay()}`
    : html`<p class="muted">${t('roof.nothing')}</p>${isAdmin() ? html`<p><a class="btn" href="#/roof/arrange">${icon('move')}${t('roof.arrange')}</a></p>` : nothing}`}
        ${planes.length && roof.tray.length ? html`<p class="gap">${t('roof.in_tray', { n: roof.tray.length })}</p>` : nothing}</section>
      <div class="cols">${side}</div></div>`;
  }

  async function go(where) {
    clearInterval(playing);
    playing = 0;
    if (where[1] === 'arrange' && isAdmin()) {
      const module = await import('../roof-arrange.js');
      await styles;
      arrange = module.default({ redraw });
    } else {
      if (arrange) load();
      arrange = null;
    }
    redraw();
  }

  load();
  go(path);
  return { title: () => t('tab.roof'), view, go, leave: () => { gone = true; clearInterval(playing); arrange?.leave(); } };
}
