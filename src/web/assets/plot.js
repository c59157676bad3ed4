// Lines over time, by uPlot: one element that draws, reads out under the cursor, listens to arrow keys and gives its numbers as a table.

import uPlot from './vendor/uplot.js';
import { html, nothing, render } from './vendor/lit.js';
import { css, sheet } from './dom.js';
import { clock, DASH, localMinutes, moment, number } from './format.js';
import { t } from './i18n.js';

sheet('vendor/uplot.css');

const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** A token as a colour that lets `share` of itself be seen: a canvas knows no variables. */
function ink(name, share = 1) {
  const hex = token(name);
  const full = hex.length === 4 ? `#${[...hex.slice(1)].map((c) => c + c).join('')}` : hex;
  return share === 1 ? full : full + Math.round(share * 255).toString(16).padStart(2, '0');
}

/** Ticks at round local times, as dense as the place allows. */
function ticks(from, to, width) {
  const most = Math.max(2, Math.floor(width / 52));
  const step = [15, 30, 60, 180, 360, 720, 1440, 2880, 10080].find((minutes) => (to - from) / 60 / minutes <= most) ?? 43200;
  const found = [];
  for (let at = Math.ceil(from / 900) * 900; at <= to; at += 900) {
    const minutes = localMinutes(at);
    if (step < 1440 ? minutes % step === 0 : minutes === 0 && Math.round(at / 86400) % (step / 1440) === 0) found.push(at);
  }
  return found;
}

/** Values between two gaps, of which a line would show nothing. */
const alone = (plot, index) => plot.data[index].reduce((found, v, i, all) => { if (v != null && all[i - 1] == null && all[i + 1] == null) found.push(i); return found; }, []);

/**
 * spec: {x: seconds[], step, lines: [{name, values, colour, fill, dash, width, hidden, digits, unit}], bands: [[high, low, colour, share]],
 * unit, digits, max, height, label (what it shows, a sentence), name, sync, start (index to read first)}
 */
class Plot extends HTMLElement {
  #spec; #plot; #index = null; #observer; #zoomed = false; #table = false;
  #themed = () => this.#draw();

  set spec(spec) {
    if (spec === this.#spec) return;
    const other = this.#spec?.key !== spec.key;
    this.#spec = spec;
    if (other) { this.#index = null; this.#zoomed = false; }
    if (this.isConnected) this.#draw();
  }

  connectedCallback() {
    addEventListener('theme', this.#themed);
    this.#observer = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry.contentRect.width);
      if (this.#plot && width && width !== this.#plot.width) this.#plot.setSize({ width, height: this.#height() });
    });
    this.#observer.observe(this);
    if (this.#spec) this.#draw();
  }

  disconnectedCallback() {
    removeEventListener('theme', this.#themed);
    this.#observer.disconnect();
    this.#plot?.destroy();
    this.#plot = null;
  }

  #height() { return this.#spec.height ?? (this.clientWidth < 500 ? 190 : 236); }

  #draw() {
    this.#plot?.destroy();
    this.#frame();
    const { x, lines, bands = [], max, sync } = this.#spec;
    const grid = { stroke: ink('--grid-line'), width: 1 };
    const axis = { stroke: ink('--ink2'), font: '12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif', ticks: { show: false } };
    const low = Math.min(0, ...lines.flatMap((line) => (line.hidden ? [] : line.values.map((v) => v ?? 0))));
    this.#plot = new uPlot({
      width: Math.max(200, Math.floor(this.clientWidth)), height: this.#height(), padding: [8, 6, 0, 0],
      legend: { show: false },
      scales: { x: { time: false }, y: { range: (u, from, to) => (this.#spec.tight ? uPlot.rangeNum(from, to, 0.15, true) : [low < 0 ? low * 1.05 : 0, max ?? (Math.max(to, -low / 10) * 1.06 || 1)]) } },
      axes: [
        { ...axis, size: 26, gap: 4, grid: { show: false }, splits: (u, i, from, to) => ticks(from, to, u.width),
          values: (u, list) => list.map((at) => (x.at(-1) - x[0] > 90000 * 1.2 ? this.#dayLabel(at) : clock(at).replace(/^0(\d)|:00$/g, '$1'))) },
        { ...axis, size: (u, values) => 12 + 7 * Math.max(2, ...(values ?? []).map((v) => v.length)), gap: 6, space: 44, grid, values: (u, list, i, space, step) =>
          list.map((v) => (v === 0 ? '0' : number(v, step >= 1 ? 0 : Number.isInteger(Math.round(step * 1000) / 100) ? 1 : 2))) },
      ],
      series: [{}, ...lines.map((line) => ({
        stroke: line.hidden ? undefined : ink(line.colour), width: line.hidden ? 0 : line.width ?? 2, dash: line.dash,
        fill: line.fill ? ink(line.fillColour ?? line.colour, line.fill) : undefined, points: { show: true, size: 4, filter: alone }, spanGaps: false,
      }))],
      bands: bands.map(([high, lowest, colour, share]) => ({ series: [high + 1, lowest + 1], fill: ink(colour, share) })),
      cursor: { y: false, points: { size: 7 }, drag: { x: true, y: false }, sync: sync ? { key: sync, scales: ['x', null] } : undefined },
      hooks: {
        setCursor: [(u) => { if (u.cursor.idx != null && u.cursor.left >= 0) { this.#index = u.cursor.idx; this.#read(); } }],
        setScale: [(u, key) => { if (key === 'x') { this.#zoomed = u.scales.x.min > x[0] || u.scales.x.max < x.at(-1); this.#frame(); } }],
      },
    }, [x, ...lines.map((line) => line.values)], this.querySelector('.canvas'));
    this.#touch(this.#plot.over);
    this.#read();
  }

  #dayLabel(at) { return moment(at).split(',')[0]; }

  // A finger over the chart reads it; up and down goes on scrolling the page.
  #touch(over) {
    const read = (event) => {
      if (event.pointerType === 'mouse') return;
      this.#plot.setCursor({ left: event.clientX - over.getBoundingClientRect().left, top: 10 });
    };
    over.addEventListener('pointerdown', read);
    over.addEventListener('pointermove', read);
  }

  #keys = (event) => {
    const hour = Math.max(1, Math.round(3600 / this.#spec.step));
    const by = { PageUp: hour, PageDown: -hour }[event.key];
    if (!by) return;
    event.preventDefault();
    this.#go(Number(event.target.value) + by);
  };

  #go(index) {
    const { x } = this.#spec;
    this.#index = Math.max(0, Math.min(x.length - 1, index));
    this.#plot.setCursor({ left: this.#plot.valToPos(x[this.#index], 'x'), top: 10 });
    this.#read();
  }

  #at() {
    const { x, lines, start } = this.#spec;
    if (this.#index != null && this.#index < x.length) return this.#index;
    if (start != null) return start;
    // What is newest.
    let last = x.length - 1;
    while (last > 0 && lines.every((line) => line.values[last] == null)) last -= 1;
    return last;
  }

  #value(line, index) {
    const value = (line.shown ?? line.values)[index];
    const unit = line.unit ?? this.#spec.unit;
    return value == null ? DASH : `${number(value, line.digits ?? this.#spec.digits ?? 2)}${unit ? `\u202f${unit}` : ''}`;
  }

  #when(at) { return this.#spec.x.at(-1) - this.#spec.x[0] > 90000 * 1.2 ? moment(at) : clock(at); }

  #read() {
    const row = this.querySelector('.read');
    const index = this.#at();
    const named = this.#spec.lines.filter((line) => line.name);
    render(html`<span class="t">${this.#when(this.#spec.x[index])}</span>${named.map((line) => html`<span class="key ${line.block ? '' : 'l'}"
      ${css({ '--c': `var(${line.keyColour ?? line.colour})` })}>${line.name} <b>${this.#value(line, index)}</b></span>`)}`, row);
    const input = this.querySelector('input');
    input.value = String(index);
    input.setAttribute('aria-valuetext', `${this.#when(this.#spec.x[index])}: ${named.map((line) => `${line.name} ${this.#value(line, index)}`).join(', ')}`);
  }

  #frame() {
    const { x, lines, label, name } = this.#spec;
    const named = lines.filter((line) => line.name);
    render(html`<p class="read"></p>
      <div class="plot"><div class="canvas" role="img" aria-label=${label}></div>
        <input type="range" min="0" max=${x.length - 1} step="1" aria-label=${name} @input=${(event) => this.#go(Number(event.target.value))} @keydown=${this.#keys}>
        ${this.#zoomed ? html`<button class="btn whole" @click=${() => this.#plot.setScale('x', { min: x[0], max: x.at(-1) })}>${t('plot.whole')}</button>` : nothing}</div>
      <details class="as-table" @toggle=${(event) => { this.#table = event.target.open; this.#frame(); }}><summary>${t('as_table')}</summary>
        ${this.#table ? html`<div class="scroll" tabindex="0" role="region" aria-label=${name}><table><thead><tr><th scope="col">${t('time')}</th>${named.map((line) => html`<th scope="col">${line.name}</th>`)}</tr></thead>
        <tbody>${x.map((at, i) => html`<tr><th scope="row">${this.#when(at)}</th>${named.map((line) => html`<td>${this.#value(line, i)}</td>`)}</tr>`)}</tbody></table></div>` : nothing}</details>`, this);
  }
}
customElements.define('watt-plot', Plot);
