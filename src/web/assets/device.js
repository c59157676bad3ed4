// One device: what it tells in groups, the day of a value as a chart, its health of thirty days with the reasons, and what can be set.

import { html, nothing } from './vendor/lit.js';
import { get, query } from './api.js';
import { age, announce } from './dom.js';
import { addDays, clock, dayOf, join } from './format.js';
import { children, healthWord, tone } from './health.js';
import { t } from './i18n.js';
import { icon } from './icons.js';
import { attend, can, houseLanguage, now, store } from './store.js';
import { heard, metricOf, optionWord, shown } from './cards.js';
import { controls } from './device-controls.js';
import { healthDays } from './device-health.js';
import { upload } from './device-upload.js';
import { numbers } from './history-data.js';
import './plot.js';

const GROUPS = [
  ['main', (m) => m.role === 'primary' && !/voltage|current|frequency/.test(m.quantity ?? m.key) && m.panel == null],
  ['panels', (m) => m.role === 'primary' && m.panel != null],
  ['electric', (m) => m.role === 'primary'],
  ['connection', (m) => m.role === 'connection'],
  ['diagnostic', () => true],
];

export default function device({ ref, metric, redraw }) {
  let picked = metric, days = 1, spec = null, health = null, asked = '', serial = false, gone = false, all = false;
  let unattend = null;
  const setting = controls(ref, redraw), sending = upload(ref, redraw);
  const it = () => store.devices.get(ref);

  const drawable = (one) => one && !['text', 'timestamp'].includes(one.behavior);

  async function loadChart() {
    const one = it();
    const key = picked ?? one?.glance?.picture?.key ?? one?.glance?.main;
    const what = one && metricOf(one, key);
    if (!can('history') || !drawable(what) || what.behavior === 'state') { spec = null; return; }
    const today = dayOf(now());
    const from = addDays(today, 1 - days);
    const wanted = `${key} ${days} ${today}`;
    if (asked === wanted) return;
    asked = wanted;
    try {
      const answer = await get('history/power' + query({ series: `${ref}/${key}`, from, to: addDays(today, 1), step: days > 2 ? 3600 : 300 }));
      if (gone || asked !== wanted) return;
      const values = answer.series[0] ? numbers(answer.series[0]) : [];
      const inKw = what.unit === 'W' && Math.max(...values.map((v) => Math.abs(v ?? 0))) >= 1000;
      const scaled = inKw ? values.map((v) => (v == null ? null : v / 1000)) : values;
      const counts = what.quantity === 'power' || /percent|charge/.test(what.quantity ?? '');
      spec = values.some((v) => v != null) ? { key: wanted, step: answer.step, x: scaled.map((_, i) => answer.t0 + i * answer.step), unit: inKw ? 'kW' : what.unit ?? '', digits: inKw ? 2 : what.decimals,
        tight: !counts, max: what.unit === '%' ? 100 : undefined, name: what.name, label: t('device.chart', { name: what.name, device: one.name }), height: 210,
        lines: [{ name: what.name, values: scaled, colour: what.quantity === 'power' ? '--sun-line' : '--bat', fillColour: what.quantity === 'power' ? '--sun' : '--bat', fill: counts ? 0.16 : 0 }] } : null;
    } catch { spec = null; }
    redraw();
  }

  async function loadHealth() {
    if (!can('history')) return;
    health = await get(`devices/${ref}/health?days=30`).catch(() => null);
    if (!gone) redraw();
  }

  function pick(key) {
    picked = key;
    redraw();
    document.getElementById('h-chart')?.scrollIntoView({ block: 'nearest' });
  }

  async function copyTopic(topic) {
    try { await navigator.clipboard.writeText(topic); announce(t('copied')); } catch { prompt(t('copy'), topic); }
  }

  function value(what, state) {
    const raw = state?.values?.[what.key];
    const held = state?.held?.[what.key];
    const text = what.behavior === 'state' ? optionWord(raw) ?? '—' : join(shown(raw ?? null, what, true));
    return html`<b class=${raw == null ? 'none' : ''}>${text}</b>${held ? html`<em class="held-why"><b>${t('held')}</b> <span lang=${houseLanguage()}>${held}</span></em>` : nothing}`;
  }

  function reading(what, state) {
    const chart = can('history') && drawable(what) && what.behavior !== 'state';
    const topic = what.topic ?? it().topic;
    return html`<li title=${what.key}>${chart ? html`<button aria-pressed=${(picked ?? it().glance?.picture?.key) === what.key ? 'true' : 'false'} @click=${() => pick(what.key)}>${what.name}</button>` : html`<span>${what.name}</span>`}
      ${value(what, state)}${topic ? html`<button class="copy" title=${topic} aria-label=${t('copy_topic', { name: what.name })} @click=${() => copyTopic(topic)}>${icon('copy')}</button>` : nothing}</li>`;
  }

  function groups(one, state) {
    let left = one.metrics.filter((what) => !what.spare || state?.values?.[what.key] != null);
    return GROUPS.map(([name, belongs]) => {
      const here = left.filter(belongs);
      left = left.filter((what) => !here.includes(what));
      if (!here.length) return nothing;
      const list = html`<ul class="values">${here.map((what) => reading(what, state))}</ul>`;
      return html`<section class="card" aria-label=${t(`group.${name}`)}>${name === 'diagnostic' || (name === 'connection' && here.length > 6) ? html`<details class="fold"><summary><h2>${t(`group.${name}`)}</h2> <span>${here.length}</span></summary>${list}</details>`
        : html`<h2>${t(`group.${name}`)}</h2>${list}`}</section>`;
    });
  }

  function identity(one) {
    const via = one.via && store.devices.get(one.via);
    const number = one.serial && html`<button class="serial" title=${t('serial')} @click=${() => { serial = !serial; redraw(); }}>${serial ? one.serial : `…${one.serial.slice(-4)}`}</button>`;
    const list = [[one.manufacturer, one.model].filter(Boolean).join(' '), via && html`<a href="#/devices/${via.ref}">${t('device.behind', { name: via.name })}</a>`, number, one.area,
      one.firmware && t('device.firmware', { v: one.firmware })].filter(Boolean);
    return html`<p class="identity">${list.map((part, i) => html`${i ? ' · ' : nothing}${part}`)}</p>`;
  }

  function below(one) {
    const list = children(one.ref);
    if (!list.length) return nothing;
    return html`<section class="card" aria-labelledby="h-below"><h2 id="h-below">${t('device.below', { n: list.length })}</h2><ul class="list flat">${list.map((other) => {
      const state = store.states.get(other.ref);
      const main = other.glance?.main && metricOf(other, other.glance.main);
      return html`<li class=${tone(state?.health)}><a href="#/devices/${other.ref}">${icon(tone(state?.health))}<span class="who"><b>${other.name}</b></span><span class="how">${healthWord(state?.health)}</span>${age(state?.at, state?.gap)}<span class="val">${main ? join(shown(state?.values?.[main.key] ?? null, main)) : nothing}</span></a></li>`;
    })}</ul></section>`;
  }

  function view() {
    const one = it();
    if (!one) return html`<h1>${t('tab.devices')}</h1><p class="empty">${t('device.gone')}</p><a class="btn" href="#/devices">${t('tab.devices')}</a>`;
    if (one.controls.length && !unattend) unattend = attend(ref);
    loadChart();
    const state = store.states.get(ref);
    const look = tone(state?.health);
    return html`<div class="ctl device-head"><a class="btn sq" href="#/devices" aria-label=${t('tab.devices')}>${icon('left')}</a><div><h1 class="title">${one.name}</h1>${identity(one)}</div>
      <p class="state ${look}">${icon(look)}<b>${healthWord(state?.health)}</b>${['moon', 'warn'].includes(look) && state?.since ? html`<span>${t('since', { t: clock(state.since) })}</span>` : heard(one, state)}</p></div>
      ${state?.health?.detail && look !== 'ok' ? html`<div class="note ${look === 'warn' ? '' : 'calm'}">${icon(look)}<div><p class="do" lang=${houseLanguage()}>${state.health.detail}</p>${state.health.advice ? html`<p lang=${houseLanguage()}>${state.health.advice}</p>` : nothing}</div></div>` : nothing}
      <div class="cols one"><div class="cols">${spec ? html`<section class="card" aria-labelledby="h-chart"><div class="head"><h2 id="h-chart">${spec.name}</h2><span class="muted">${spec.unit}</span></div>
        <watt-plot .spec=${spec}></watt-plot><div class="seg" role="group" aria-label=${t('period')}>${[1, 7, 30].map((n) => html`<button aria-pressed=${n === days ? 'true' : 'false'} @click=${() => { days = n; redraw(); }}>${n === 1 ? t('today') : t('days', { n })}</button>`)}</div></section>` : nothing}
        ${setting.view(one, state)}${sending.view(one, state, health)}${below(one)}${health ? healthDays(health, all, () => { all = true; redraw(); }) : nothing}</div>
      <div class="cols">${groups(one, state)}</div></div>`;
  }

  loadHealth();
  return { title: () => it()?.name, view, leave: () => { gone = true; unattend?.(); } };
}
