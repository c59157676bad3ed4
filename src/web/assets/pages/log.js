// The log as it is written: filters, a pause that comes by itself when one reads further up, and more detail for a while.

import { html, nothing, repeat } from '../vendor/lit.js';
import { change, download, get, query } from '../api.js';
import { announce, problem, sheet } from '../dom.js';
import { clock, dayOf, moment } from '../format.js';
import { t } from '../i18n.js';
import { icon } from '../icons.js';
import { followLog, now } from '../store.js';

const LEVELS = ['error', 'warn', 'info', 'debug', 'trace'];
const MOST = 1000;

export default function page({ query: search, redraw }) {
  let lines = [], waiting = [], paused = false, level = search.get('level') ?? 'info', device = search.get('device') ?? '', words = '', error = null, later = 0, detail = null, gone = false, more = false, names = [];
  sheet('more.css').then(redraw);
  let unfollow = () => {};

  const fits = (line) => LEVELS.indexOf(line.level) <= LEVELS.indexOf(level) && (!device || line.device === device) && (!words || `${line.text} ${line.device ?? ''}`.toLowerCase().includes(words.toLowerCase()));

  async function load() {
    try {
      const answer = await get('log' + query({ level, device, q: words }));
      if (gone) return;
      lines = answer.lines.sort((a, b) => a.n - b.n);
      waiting = [];
      more = answer.more;
      names = answer.devices;
      if (answer.detail) detail = now() + answer.detail.seconds;
      error = null;
    } catch (refused) { error = refused; }
    redraw();
    setTimeout(toEnd, 60);
  }

  async function earlier() {
    const answer = await get('log' + query({ level, device, q: words, before: lines[0]?.n })).catch(() => null);
    if (!answer) return;
    more = answer.more;
    lines = [...answer.lines.sort((a, b) => a.n - b.n), ...lines].slice(0, MOST);
    redraw();
  }

  // The same line again is told as the same number with a higher count.
  function take(line) {
    if (!fits(line)) return;
    const list = paused ? waiting : lines;
    const same = list.findIndex((one) => one.n === line.n);
    if (same >= 0) list[same] = line;
    else list.push(line);
    if (lines.length > MOST) lines.splice(0, lines.length - MOST);
    redraw();
    if (!paused) setTimeout(toEnd, 60);
  }

  const box = () => document.getElementById('lines');
  const toEnd = () => { const it = box(); if (it && !paused) it.scrollTop = it.scrollHeight; };
  function scrolled(event) {
    const it = event.target;
    const atEnd = it.scrollHeight - it.scrollTop - it.clientHeight < 30;
    if (!atEnd && !paused) { paused = true; redraw(); }
    if (atEnd && paused && !waiting.length) { paused = false; redraw(); }
  }
  function goOn() { lines = [...lines, ...waiting].slice(-MOST); waiting = []; paused = false; redraw(); setTimeout(toEnd, 60); }

  const follow = () => { unfollow(); unfollow = followLog(level, take); };
  const filter = (act) => (event) => { act(event.target.value); clearTimeout(later); later = setTimeout(() => { load(); follow(); }, 250); };
  const asText = () => lines.map((line) => [new Date(line.at * 1000).toISOString(), line.level.toUpperCase(), line.device, line.text, line.count > 1 ? `x${line.count}` : ''].filter(Boolean).join(' ')).join('\n');

  async function copy() { try { await navigator.clipboard.writeText(asText()); announce(t('copied')); } catch { download('wattbridge.log', new Blob([asText()])); } }
  async function moreDetail() {
    try {
      const answer = await change('POST', 'log/detail', { minutes: 10, ...(device && { device }) });
      detail = now() + answer.seconds;
      level = 'debug';
      load();
      follow();
    } catch (refused) { error = refused; redraw(); }
  }

  function view() {
    return html`<div class="ctl"><h1 class="title">${t('more.log')}</h1></div>
      <div class="filters"><label><span class="vh">${t('log.level')}</span><select @change=${filter((value) => { level = value; })}>${LEVELS.map((one) => html`<option value=${one} ?selected=${one === level}>${t(`log.${one}`)}</option>`)}</select></label>
        <label><span class="vh">${t('log.device')}</span><select @change=${filter((value) => { device = value; })}><option value="">${t('log.all')}</option>${names.map((name) => html`<option value=${name} ?selected=${name === device}>${name}</option>`)}</select></label>
        <label class="grow"><span class="vh">${t('search')}</span><input type="search" placeholder=${t('search')} .value=${words} @input=${filter((value) => { words = value; })}></label>
        <button class="btn" aria-pressed=${paused ? 'true' : 'false'} @click=${() => (paused ? goOn() : (paused = true, redraw()))}>${icon(paused ? 'play' : 'pause')}${t(paused ? 'log.go_on' : 'log.pause')}</button>
        <button class="btn" @click=${copy}>${icon('copy')}${t('copy')}</button><button class="btn" @click=${() => download('wattbridge.log', new Blob([asText()]))}>${icon('down')}${t('download')}</button>
        <button class="btn" @click=${moreDetail}>${t('log.detail')}</button></div>
      ${detail && detail > now() ? html`<p class="muted">${t('log.detail_until', { t: clock(detail) })}</p>` : nothing}
      ${problem(error)}
      <div class="card log"><div id="lines" tabindex="0" role="log" aria-live="off" aria-label=${t('more.log')} @scroll=${scrolled}><ol>
        ${more ? html`<li><button class="btn" @click=${earlier}>${t('log.earlier')}</button></li>` : nothing}
        ${repeat(lines, (line) => line.n, (line) => html`<li class=${line.level}><time>${dayOf(line.at) === dayOf(now()) ? clock(line.at, true) : moment(line.at)}</time><span class="lvl-word">${line.level}</span><span class="dev-word">${line.device ?? ''}</span>
          <span class="text" lang="en">${line.text}</span>${line.count > 1 ? html`<span class="times">×${line.count}</span>` : nothing}</li>`)}</ol></div>
        ${lines.length ? nothing : html`<p class="empty">${t('log.none')}</p>`}
        ${paused && waiting.length ? html`<button class="btn main fresh" @click=${goOn}>${t('log.fresh', { n: waiting.length })}</button>` : nothing}</div>`;
  }

  load();
  follow();
  return { title: () => t('more.log'), view, leave: () => { gone = true; unfollow(); } };
}
