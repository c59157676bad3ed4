// The energy flow: what comes in on the left, where it goes on the right, each ribbon as thick as the power it stands for.
// Ribbons rest; they change only with the numbers. Words are text beside the drawing, so that they wrap and grow as text does.

import { html, nothing, svg } from './vendor/lit.js';
import { css } from './dom.js';
import { clock, DASH, join, number, power } from './format.js';
import { has, t } from './i18n.js';
import { store } from './store.js';

const COLOUR = { sun: '--sun', house: '--home', battery: '--bat', taking: '--net', giving: '--exp' };
const REST = 30;

// Which side a node stands on: the sun left, the house right, the others as they flow.
function sideOf(id, node) {
  if (id === 'sun') return 'in';
  if (id === 'house') return 'out';
  if (node.w == null || Math.abs(node.w) < REST) return 'out';
  return (id === 'battery' ? node.w < 0 : node.w > 0) ? 'in' : 'out';
}

const colourOf = (id, side) => `var(${id === 'grid' ? COLOUR[side === 'in' ? 'taking' : 'giving'] : COLOUR[id]})`;

// Breaks between its pieces only.
const list = (pieces) => pieces.filter(Boolean).map((piece) => piece.replaceAll(' ', '\u00a0')).join(', ');

/** "Grid meter: no answer", for what is not known. */
export function whyWords(why, id) {
  if (!why) return t('unknown');
  const words = has(`health.${why.code}`) ? t(`health.${why.code}`) : has(`why.${why.code}`) ? t(`why.${why.code}`) : t('unknown');
  return `${why.device ?? t(id)}: ${words}`;
}

/** How many panels and chargers bring what the sun brings, as far as they are told apart. */
export function sunNote() {
  const all = [...store.devices.values()];
  const inputs = (one) => one.metrics.filter((metric) => metric.panel != null && metric.quantity === 'power').length;
  // What has no inputs and brings sun behind something is a panel itself.
  const parents = new Set(all.map((one) => one.via));
  const isPanel = (one) => one.via && !inputs(one) && !parents.has(one.ref) && one.glance?.main === 'power' && store.devices.get(one.via)?.icon === 'sun';
  const panels = all.reduce((n, one) => n + (isPanel(one) ? 1 : inputs(one)), 0);
  const chargers = all.filter((one) => one.glance?.main === 'panel_power').length;
  return list([panels ? t('flow.panels', { n: panels }) : '', chargers ? t('flow.chargers', { n: chargers }) : '']);
}

function noteOf(id, node, side, resting) {
  if (node.w == null) return whyWords(node.why, id);
  if (id === 'sun') return sunNote();
  if (id === 'grid') return resting ? t('flow.rest') : t(side === 'in' ? 'taking' : 'giving');
  if (id === 'battery') {
    const level = node.level == null ? '' : `${number(node.level / 10)}\u202f%`; // Told in tenths.
    const then = node.full_at ? t('flow.full_at', { t: clock(node.full_at) }) : node.empty_at ? t('flow.until', { t: clock(node.empty_at) }) : '';
    return list([level, then]);
  }
  return '';
}

// The house says where all it takes comes from, if it is from one only.
function houseNote(ribbons) {
  const from = ribbons.filter((one) => one.to === 'house');
  return from.length === 1 ? t(`flow.all_from.${from[0].from}`) : '';
}

/** Places of all nodes: `unit` pixels are all that flows, a node takes `pitch` at least. */
export function layout(flow, { unit, pitch, least }) {
  const ribbons = flow.ribbons.filter((one) => one.w >= REST);
  const nodes = Object.entries(flow.nodes).map(([id, node]) => ({ id, node, side: sideOf(id, node) }));
  const through = (id) => ribbons.reduce((sum, one) => sum + (one.from === id || one.to === id ? one.w : 0), 0);
  // Where not all is known nothing says who feeds whom: what is known is still as thick as it is strong.
  const strong = ({ node }) => Math.abs(node.w ?? 0);
  const sum = (side) => nodes.filter((one) => one.side === side).reduce((all, one) => all + strong(one), 0);
  const total = Math.max(1, ribbons.length ? ribbons.reduce((all, one) => all + one.w, 0) : Math.max(sum('in'), sum('out')));
  const heights = { in: 0, out: 0 };
  for (const place of nodes) {
    place.power = ribbons.length ? through(place.id) : strong(place);
    place.h = Math.max(least, (place.power / total) * unit);
    place.slot = Math.max(pitch, place.h + 16);
    place.y = heights[place.side] + (place.slot - place.h) / 2;
    place.mid = heights[place.side] + place.slot / 2;
    heights[place.side] += place.slot;
  }
  const height = Math.max(heights.in, heights.out);
  for (const place of nodes) {
    const lower = (height - heights[place.side]) / 2;
    place.y += lower;
    place.mid += lower;
  }
  return { nodes, ribbons, height, place: Object.fromEntries(nodes.map((one) => [one.id, one])) };
}

function drawing({ nodes, ribbons, height, place }) {
  const used = {};
  const band = (id, w) => {
    const { y, h, power: all } = place[id];
    const thick = (h * w) / Math.max(1, all);
    const top = y + (used[id] ?? 0);
    used[id] = (used[id] ?? 0) + thick;
    return [top, top + thick];
  };
  const shapes = ribbons.filter((one) => place[one.from]?.side === 'in' && place[one.to]?.side === 'out').map((one, i) => {
    const [a, b] = band(one.from, one.w);
    const [c, d] = band(one.to, one.w);
    return svg`<linearGradient id="ribbon${i}"><stop offset="0" stop-color=${colourOf(one.from, 'in')}/><stop offset="1" stop-color=${colourOf(one.to, 'out')}/></linearGradient>
      <path d="M0 ${a}C50 ${a} 50 ${c} 100 ${c}V${d}C50 ${d} 50 ${b} 0 ${b}Z" fill="url(#ribbon${i})" opacity=".4"><title>${t(one.from)} → ${t(one.to)}: ${join(power(one.w))}</title></path>`;
  });
  return html`<svg viewBox="0 0 100 ${height}" preserveAspectRatio="none" aria-hidden="true" ${css({ height: `${height}px` })}>${shapes}</svg>
    ${nodes.map((one) => html`<i class="${one.side} ${one.node.w == null ? 'none' : ''}"
      ${css({ top: `${one.y}px`, height: `${one.h}px`, '--c': colourOf(one.id, one.side) })}></i>`)}`;
}

function label({ id, node, side, mid, power: through }, flow, ribbons) {
  const resting = node.w != null && Math.abs(node.w) < REST;
  const value = power(node.w == null ? null : Math.abs(node.w), flow.unit_kw && node.w != null);
  const note = noteOf(id, node, side, resting) || (id === 'house' ? houseNote(ribbons) : '');
  const tint = node.w == null ? 'warn' : id === 'battery' ? 'c-bat' : id === 'grid' && !resting ? (side === 'in' ? 'c-net' : 'c-exp') : '';
  return html`<li class="${through < REST ? 'rest' : ''}" ${css({ top: `${mid}px` })}>
    <span>${t(id)}</span><b>${value.text}<small>${value.unit}</small></b>
    ${note ? html`<em class=${tint}>${note}</em>` : nothing}</li>`;
}

const sentenceOf = (places) => ['in', 'out'].map((side) => places.filter((one) => one.side === side)
  .map(({ id, node }) => `${t(id)} ${node.w == null ? DASH : join(power(Math.abs(node.w)))}`).join(', ')).filter(Boolean).join(' → ');

export function flowPicture(flow, wide) {
  const made = layout(flow, wide ? { unit: 258, pitch: 108, least: 5 } : { unit: 150, pitch: 84, least: 4 });
  const column = (side) => html`<ul class=${side}>${made.nodes.filter((one) => one.side === side).map((one) => label(one, flow, made.ribbons))}</ul>`;
  return html`<div class="flow" role="group" aria-label=${sentenceOf(made.nodes)} ${css({ '--h': `${made.height}px` })}>
    <p aria-hidden="true"><span>${t('from')}</span><span>${t('to')}</span></p>
    ${column('in')}<div class="ribbons">${drawing(made)}</div>${column('out')}</div>`;
}
