// Where the power goes, whether anything needs a look, and what the day has brought.

import { html, nothing, repeat } from '../vendor/lit.js';
import { get, query } from '../api.js';
import { card, uploadCard } from '../cards.js';
import { dayCurve, hoursOf } from '../charts.js';
import { announce, css } from '../dom.js';
import { flowPicture, sunNote, whyWords } from '../flow.js';
import { addDays, clock, dayOf, energy, join, number, percent, power } from '../format.js';
import { children, healthWord, tone, troubles } from '../health.js';
import { parts, t } from '../i18n.js';
import { icon } from '../icons.js';
import { can, houseLanguage, now, store } from '../store.js';

const SLOT = 300;
const SAY_AGAIN = 60_000;

/** A sentence of the flow with its values in words, each in the colour of what it is about. */
function sentenceParts(sentence, inKw) {
  const { key } = sentence;
  const tint = { grid: /give/.test(key) ? 'c-exp' : 'c-net', battery: 'c-bat', until: 'c-bat', sun: 'c-sun', today: 'c-sun', percent: 'c-sun' };
  const write = { percent: (value) => `${number(value)}\u202f%`, today: (value) => join(energy(value)), until: (value) => clock(value) };
  const words = {};
  for (const name of Object.keys(tint)) {
    if (typeof sentence[name] === 'number') words[name] = (write[name] ?? ((value) => join(power(value, inKw))))(sentence[name]);
  }
  if (sentence.why) words.why = whyWords(sentence.why, sentence.node);
  return { plain: t(key, words), rich: parts(key, Object.fromEntries(Object.entries(words).map(([name, text]) =>
    [name, name in tint ? html`<b class=${tint[name]}>${text}</b>` : text]))) };
}

export default function page({ redraw }) {
  const wide = matchMedia('(min-width: 700px)');
  wide.addEventListener('change', redraw);
  let day = null, curves = new Map(), gains = new Map(), asked = 0, said = 0, spoken = '';
  let gone = false;

  // The day so far, again with each slot.
  async function readDay() {
    const slot = Math.floor(now() / SLOT);
    if (!can('history') || asked === slot || gone) return;
    asked = slot;
    const today = dayOf(now());
    const span = { from: today, to: addDays(today, 1) };
    const drawn = [...store.devices.values()].filter((one) => one.glance?.picture?.kind === 'curve' && one.glance.picture.key);
    const series = ['house/sun', 'house/house', ...drawn.map((one) => `${one.ref}/${one.glance.picture.key}`)];
    const [curve, sums, each] = await Promise.all([
      get('history/power' + query({ series: series.join(), ...span, step: SLOT })).catch(() => null),
      get('history/energy' + query({ by: 'day', of: 'total', ...span })).catch(() => null),
      get('history/energy' + query({ by: 'day', of: 'device', ...span })).catch(() => null)]);
    if (gone) return;
    const points = new Map((curve?.series ?? []).map((one) => [`${one.ref}/${one.key}`, hoursOf(curve, one)]));
    curves = points;
    gains = new Map((each?.rows ?? []).map((row) => [`${row.ref}/${row.key}`, row.wh[0]]));
    day = { t0: curve?.t0, sun: points.get('house/sun') ?? [], house: points.get('house/house') ?? [],
      wh: Object.fromEntries((sums?.rows ?? []).map((row) => [row.key, row.wh[0]])) };
    redraw();
  }

  function say() {
    const sentence = store.flow?.sentence;
    if (!sentence) return nothing;
    const { plain, rich } = sentenceParts(sentence, store.flow.unit_kw);
    // Read aloud once a minute at most.
    if (plain !== spoken && Date.now() - said > SAY_AGAIN) { said = Date.now(); spoken = plain; setTimeout(() => announce(plain), 500); }
    return html`<p class="say">${rich}</p>`;
  }

  function flowCard() {
    const { flow } = store;
    const ids = Object.keys(flow?.nodes ?? {});
    if (!ids.length) return nothing;
    const head = html`<div class="head"><h2 id="h-flow">${t('flow.title')}</h2><span class="muted">${clock(now(), true)}</span></div>`;
    if (ids.length > 1) return html`<section class="card fl" aria-labelledby="h-flow">${head}${flowPicture(flow, wide.matches)}</section>`;
    // One role alone has no flow to show: its number, large.
    const [id] = ids, node = flow.nodes[id], value = power(node.w == null ? null : Math.abs(node.w), flow.unit_kw);
    const way = node.w == null ? whyWords(node.why, id) : id === 'grid' ? t(node.w < 0 ? 'giving' : 'taking') : id === 'sun' ? sunNote() : '';
    return html`<section class="card fl" aria-labelledby="h-flow">${head}
      <p class="solo ${id}"><span>${t(id)}</span><b>${value.text}<small>${value.unit}</small></b><em>${way}</em></p></section>`;
  }

  const bar = (pieces, label) => html`<div class="bar" role="img" aria-label=${label}>${pieces.filter(([, , wh]) => wh > 0).map(([, colour, wh]) =>
    html`<i ${css({ '--c': `var(${colour})`, '--f': String(wh) })}></i>`)}</div>
    <div class="keys">${pieces.filter(([, , wh]) => wh != null).map(([id, colour, wh]) =>
      html`<span class="key" ${css({ '--c': `var(${colour})` })}>${t(id)} ${energy(wh).text}</span>`)}</div>`;

  const figure = (words, wh, pieces) => {
    if (wh == null) return nothing;
    const value = energy(wh);
    const text = `${words} ${join(value)}: ${pieces.filter(([, , one]) => one != null).map(([id, , one]) => `${t(id)} ${join(energy(one))}`).join(', ')}`;
    return html`<p class="fig">${words} <b>${value.text}<small>${value.unit}</small></b></p>${pieces.some(([, , one]) => one > 0) ? bar(pieces, text) : nothing}`;
  };

  function todayCard() {
    if (!day) return nothing;
    const { wh } = day;
    const here = day.t0 ? (now() - day.t0) / 3600 : null;
    const known = (list) => list.some(([, y]) => y != null);
    const share = wh.house > 0 && wh.grid_house != null ? 1 - wh.grid_house / wh.house : null;
    if (!known(day.sun) && !known(day.house) && wh.sun == null && wh.house == null) return nothing;
    return html`<section class="card td" aria-labelledby="h-today"><div class="head"><h2 id="h-today">${t('today')}</h2><a class="muted" href="#/history">${t('tab.history')}</a></div>
      <div class="halves"><div>${known(day.sun) || known(day.house) ? html`${dayCurve(day.sun, day.house, here, t('today.curve', { sun: join(energy(wh.sun)), house: join(energy(wh.house)) }))}
      <div class="keys lines"><span class="key l" ${css({ '--c': 'var(--sun-line)' })}>${t('sun')}</span>${known(day.house)
        ? html`<span class="key l" ${css({ '--c': 'var(--home)' })}>${t('house')}</span>` : nothing}</div>` : nothing}</div>
      <div>${figure(t('produced'), wh.sun, [['house', '--home', wh.sun_house], ['battery', '--bat', wh.sun_battery], ['grid', '--exp', wh.sun_grid]])}
      ${figure(t('used'), wh.house, [['sun', '--sun', wh.sun_house], ['battery', '--bat', wh.battery_house], ['grid', '--net', wh.grid_house]])}
      ${share == null ? nothing : html`<p class="own"><b>${percent(Math.max(0, share))}</b><span>${t('own')}</span></p>`}</div></div></section>`;
  }

  const note = (device) => {
    const { health } = store.states.get(device.ref) ?? {};
    const below = children(device.ref).filter((one) => tone(store.states.get(one.ref)?.health) === 'warn').length;
    return html`<section class="note" aria-label=${device.name}>${icon('warn')}<div><h2>${device.name}: ${healthWord(health)}</h2>
      ${health?.detail ? html`<p lang=${houseLanguage()}>${health.detail}</p>` : nothing}${health?.advice ? html`<p class="do" lang=${houseLanguage()}>${health.advice}</p>` : nothing}
      ${below ? html`<p>${t('note.below', { n: below })}</p>` : nothing}</div>
      <a href="#/devices/${device.ref}" aria-label=${t('show', { name: device.name })}>${icon('right')}</a></section>`;
  };

  function view() {
    readDay();
    const look = troubles(), today = todayCard();
    const bad = (one) => look.some((other) => other.ref === one.ref || other.via === one.ref);
    // The bridge itself is worth a card only when something is wrong with it.
    const all = [...store.devices.values()], uploads = all.filter((one) => one.icon === 'upload');
    const top = all.filter((one) => (!one.via || !store.devices.has(one.via)) && one.icon !== 'upload' && (one.icon !== 'bridge' || bad(one)));
    const sorted = [...top.filter(bad), ...top.filter((one) => !bad(one))];
    const below = all.filter((one) => one.via && store.devices.has(one.via)).length;
    if (!store.devices.size) return html`<h1 class="vh">${t('tab.now')}</h1>${say()}<div class="card empty"><p>${t('now.none')}</p><a class="btn" href="#/settings">${icon('pencil')}${t('more.settings')}</a></div>`;
    return html`<h1 class="vh">${t('tab.now')}</h1>${say()}
      <div class="cols now ${today === nothing ? 'alone' : ''}">${flowCard()}<div class="nt">${look.slice(0, 4).map(note)}${look.length > 4
        ? html`<a class="btn" href="#/devices?look">${t('pill.look', { n: look.length })}</a>` : nothing}</div>${today}</div>
      <h2 class="sec">${t('tab.devices')} <span class="muted">${t('now.devices', { n: top.length })}${below ? `, ${t('now.below', { n: below })}` : ''}</span></h2>
      <div class="devs">${repeat(sorted, (one) => one.ref, (one) => card(one, curves, gains))}</div>
      ${uploads.length ? html`<h2 class="sec">${t('uploads')}</h2><div class="devs">${uploads.map(uploadCard)}</div>` : nothing}`;
  }

  return { title: () => t('tab.now'), view, leave: () => { gone = true; wide.removeEventListener('change', redraw); } };
}
