// Small pictures as SVG: they follow the theme by CSS and print sharply. What is not known breaks a line and is never drawn as 0.

import { html, nothing, svg } from './vendor/lit.js';
import { number } from './format.js';

/** A path through [x, y] points; null breaks it. With `base`, closed down to it. */
export function path(points, X, Y, base) {
  let d = '', open = false, first = 0, last = 0;
  const close = () => { if (open && base != null) d += `V${Y(base)}H${X(first).toFixed(1)}Z`; open = false; };
  for (const [x, y] of points) {
    if (y == null) { close(); continue; }
    d += `${open ? 'L' : 'M'}${X(x).toFixed(1)} ${Y(y).toFixed(1)}`;
    // A single value would leave no mark.
    if (!open) { first = x; d += 'h.1'; }
    open = true;
    last = x;
  }
  close();
  return { d, last };
}

/** The next round number, so that an axis has plain steps. */
export function nice(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((one) => one * power >= value * 0.999) * power;
}

/** Points of a day in hours since its start, out of what the API gives for a series. */
export const hoursOf = (answer, series) => series.v.map((v, i) => [(i * answer.step) / 3600, v == null ? null : v / 10 ** series.scale]);

/** The day's curve on Now: the sun as an area, the house as a line. */
export function dayCurve(sun, house, at, label) {
  const w = 300, h = 112, l = 22, r = 2, top = 6, b = 18;
  const length = Math.max(24, ...sun.slice(-1).map(([x]) => x + 1 / 12));
  const max = nice(Math.max(0.1, ...[...sun, ...house].map(([, y]) => (y ?? 0) / 1000)));
  const X = (x) => l + (x / length) * (w - l - r), Y = (y) => h - b - (y / 1000 / max) * (h - b - top);
  const grid = [0, 0.5, 1].map((part) => svg`<path d="M${l} ${Y(part * max * 1000)}H${w - r}" stroke="var(${part ? '--grid-line' : '--line'})"/>
    ${part ? svg`<text x=${l - 5} y=${Y(part * max * 1000) + 4} text-anchor="end">${number(max * part, max * part % 1 ? 1 : 0)}</text>` : nothing}`);
  const hours = [0, 6, 12, 18, 24].map((hour) => svg`<text x=${X(hour)} y=${h - 3} text-anchor=${hour ? (hour === 24 ? 'end' : 'middle') : 'start'}>${hour}</text>`);
  return html`<svg class="curve" viewBox="0 0 ${w} ${h}" role="img" aria-label=${label}>${grid}${hours}
    <text x=${l + 4} y="15">kW</text>
    <path d=${path(sun, X, Y, 0).d} fill="var(--sun)" opacity=".2"/>
    <path d=${path(sun, X, Y).d} class="line" stroke="var(--sun-line)" stroke-width="1.8"/>
    <path d=${path(house, X, Y).d} class="line" stroke="var(--home)" stroke-width="1.4"/>
    ${at == null ? nothing : svg`<path d="M${X(at)} ${top}V${h - b}" stroke="var(--ink2)" stroke-dasharray="2 3"/>`}</svg>`;
}

/** A curve without axes. Values below zero get a colour of their own. */
export function spark(points, colour, below) {
  const known = points.filter(([, y]) => y != null).map(([, y]) => y);
  if (known.length < 2) return html`<svg class="spark" viewBox="0 0 100 36" aria-hidden="true"></svg>`;
  const high = Math.max(...known), low = Math.min(...known);
  // Temperatures and voltages show how they move, powers how far they are from nothing.
  const floor = below ? Math.min(0, low) : low;
  const ceiling = below ? Math.max(0, high) : high;
  const span = (ceiling - floor) || 1;
  const X = (x) => (x / 24) * 100, Y = (y) => 35 - ((y - floor) / span) * 34;
  const base = below ? 0 : floor - span * 0.05;
  const one = (list, name) => svg`<path d=${path(list, X, Y, base).d} fill="var(${name})" opacity=".2"/>
    <path d=${path(list, X, Y).d} class="line" stroke="var(${name === '--sun' ? '--sun-line' : name})" stroke-width="1.7" vector-effect="non-scaling-stroke"/>`;
  const split = below && low < 0;
  return html`<svg class="spark" viewBox="0 0 100 36" preserveAspectRatio="none" aria-hidden="true">
    <path d="M0 ${Y(base)}H100" stroke="var(--line)" vector-effect="non-scaling-stroke"/>
    ${split ? [one(points.map(([x, y]) => [x, y == null || y < 0 ? null : y]), colour), one(points.map(([x, y]) => [x, y == null || y >= 0 ? null : y]), below)]
      : one(points, colour)}</svg>`;
}
