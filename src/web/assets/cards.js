// A card for each device: one main value, a small picture, and always at the bottom how it is and how old that is.

import { html, nothing } from './vendor/lit.js';
import { spark } from './charts.js';
import { age, css } from './dom.js';
import { clock, energy, join, metricValue, power } from './format.js';
import { children, footing } from './health.js';
import { has, t } from './i18n.js';
import { icon } from './icons.js';
import { store } from './store.js';

export const metricOf = (device, key) => device.metrics.find((one) => one.key === key);

/** What a key is called in few words, else what the device calls it. */
const shortName = (metric) => (has(`short.${metric.key}`) ? t(`short.${metric.key}`) : metric.name);

/** A state's word, in the page's language where it is one that everybody has. */
export const optionWord = (option) => (typeof option === 'string' && has(`option.${option}`) ? t(`option.${option}`) : option);

/** When an upload brought something last; of all others, how old their values are. */
export const heard = (device, state) => (device.icon !== 'upload' ? age(state?.at, state?.gap)
  : state?.values?.last_success == null ? nothing : age(Date.parse(state.values.last_success) / 1000));

export const shown = (value, metric, exact) => (metric.behavior === 'state' ? { text: optionWord(value) ?? '—', unit: '' } : metricValue(value, metric, exact));

// Two values at most. Of a counter that has run for years, what it has gained today says more.
function side(device, values, gains) {
  const keys = device.glance?.side ?? [];
  // What is computed here says nothing new beside the device's own.
  const own = keys.filter((key) => !keys.some((other) => values[other] != null && key === `${other}_computed`));
  const shownDaily = own.some((key) => metricOf(device, key)?.behavior === 'daily');
  return own.map((key) => metricOf(device, key)).filter((metric) => metric && values[metric.key] != null).slice(0, 2)
    .map((metric) => {
      const gain = metric.behavior === 'lifetime' && !shownDaily ? gains.get(`${device.ref}/${metric.key}`) : null;
      const value = gain == null ? shown(values[metric.key], metric) : energy(gain);
      const name = gain == null ? shortName(metric) : has(`gain.${metric.key}`) ? t(`gain.${metric.key}`) : t('short.energy_today');
      return html`<span><b>${join(value)}</b> ${name}</span>`;
    });
}

function bars(device) {
  const powers = children(device.ref).filter((one) => metricOf(one, one.glance?.main)?.quantity === 'power');
  const list = powers.map((one) => ({ name: one.name, w: store.states.get(one.ref)?.values?.[one.glance?.main] }));
  if (!list.length) return nothing;
  const most = Math.max(1, ...list.map((one) => (typeof one.w === 'number' ? one.w : 0)));
  const words = list.map((one) => `${one.name} ${join(power(one.w))}`).join(', ');
  return html`<div class="mini" role="img" aria-label=${words}>${list.map((one) => (typeof one.w === 'number'
    ? html`<i ${css({ '--h': `${Math.max(3, (one.w / most) * 100)}%` })}></i>` : html`<i class="none" ${css({ '--h': '100%' })}></i>`))}</div>`;
}

function picture(device, values, curves) {
  const { kind, key } = device.glance?.picture ?? {};
  if (kind === 'children') return bars(device);
  if (kind === 'level' && typeof values[key] === 'number') {
    return html`<div class="lvl"><i ${css({ '--w': `${Math.max(0, Math.min(100, values[key]))}%` })}></i></div>`;
  }
  const points = kind === 'curve' && curves.get(`${device.ref}/${key}`);
  if (!points) return nothing;
  const metric = metricOf(device, key);
  if (metric?.quantity !== 'power') return spark(points, '--ink2');
  if (device.icon === 'meter') return spark(points, '--net', '--exp');
  return spark(points, device.icon === 'sum' ? '--home' : device.icon === 'battery' ? '--bat' : '--sun', '--bat');
}

/** What history is sent to: what waits, when something arrived last, what was given up. */
export function uploadCard(device) {
  const state = store.states.get(device.ref);
  const { pending, last_success: success, given_up: gone } = state?.values ?? {};
  const foot = footing(device);
  return html`<a class="card dev up ${foot.tone}" href="#/devices/${device.ref}"><h3>${icon(device.icon)}<span>${device.name}</span></h3>
    <div class="row"><p class="big">${pending ?? '—'}<small>${t('upload.waiting')}</small></p>
      <p class="side"><span>${success == null ? t('upload.never') : html`${t('upload.success')} ${heard(device, state)}`}</span>${gone ? html`<span><b>${gone}</b> ${t('upload.given_up')}</span>` : nothing}</p></div>
    <p class="foot">${icon(foot.tone)}<b>${foot.words}</b></p></a>`;
}

export function card(device, curves, gains) {
  const state = store.states.get(device.ref);
  const values = state?.values ?? {};
  const main = device.glance?.main && metricOf(device, device.glance.main);
  const foot = footing(device);
  const value = main ? shown(values[main.key], main) : null;
  const held = main && state?.held?.[main.key];
  // "Asleep since 20:41" says more than how long nothing was heard.
  const asleep = foot.tone === 'moon' && state?.since;
  return html`<a class="card dev ${foot.tone}" href="#/devices/${device.ref}">
    <h3>${icon(device.icon)}<span>${device.name}</span></h3><span class="kind">${[device.manufacturer, device.model].filter(Boolean).join(' ')}</span>
    <div class="row">${value ? html`<p class="big">${value.text}<small>${value.unit}</small>${held ? html`<span class="held">${t('held')}</span>` : nothing}</p>` : nothing}
      <p class="side">${side(device, values, gains)}</p></div>
    <div class="pic">${picture(device, values, curves)}</div>
    <p class="foot">${icon(foot.tone)}<b>${asleep ? t('asleep.since', { t: clock(state.since) }) : foot.words}</b>${asleep ? nothing : age(state?.at, state?.gap)}</p></a>`;
}
