// All devices in one list, those behind others below them; and one device with all it tells.

import { html, nothing, repeat } from '../vendor/lit.js';
import { sheet } from '../dom.js';
import { clock, join } from '../format.js';
import { children, healthWord, tone } from '../health.js';
import { t } from '../i18n.js';
import { icon } from '../icons.js';
import { store } from '../store.js';
import { heard, metricOf, shown } from '../cards.js';

export default function page({ path, query, redraw }) {
  let one = null, only = query.has('look') ? 'look' : 'all', search = '', gone = false;
  const styles = Promise.all([sheet('devices.css'), sheet('history.css')]);

  async function go(where, options) {
    const ref = where[1];
    one?.leave();
    one = null;
    only = options.has('look') ? 'look' : 'all';
    if (ref) {
      const module = await import('../device.js');
      await styles;
      if (gone) return;
      one = module.default({ ref, metric: options.get('metric'), redraw });
    }
    redraw();
  }

  const waits = ({ values } = {}) => html`${values?.pending ?? '—'} <small>${t('upload.waiting')}</small>`;

  function row(device, below) {
    const state = store.states.get(device.ref);
    const main = device.glance?.main && metricOf(device, device.glance.main);
    const look = tone(state?.health);
    const since = ['warn', 'moon'].includes(look) && state?.since ? t('since', { t: clock(state.since) }) : '';
    const upload = device.icon === 'upload', gone = upload && state?.values?.given_up;
    const about = upload ? [gone && `${gone} ${t('upload.given_up')}`] : [device.model, device.area];
    return html`<li class="${look} ${below ? 'below' : ''} ${upload ? 'up' : ''}"><a href="#/devices/${device.ref}">${icon(look)}<span class="who"><b>${device.name}</b><span>${about.filter(Boolean).join(' · ')}</span></span>
      <span class="how">${healthWord(state?.health)} ${since}</span>${heard(device, state)}<span class="val">${upload ? waits(state) : main ? join(shown(state?.values?.[main.key] ?? null, main)) : nothing}</span></a></li>`;
  }

  const fits = (device) => (only === 'all' || tone(store.states.get(device.ref)?.health) === (only === 'look' ? 'warn' : only))
    && [device.name, device.model, device.manufacturer, device.area, device.serial].join(' ').toLowerCase().includes(search);

  const group = (rows, uploads) => (rows.length ? html`${uploads ? html`<h2 class="sec">${t('uploads')}</h2>` : nothing}
    <ul class="card list">${repeat(rows, ([device]) => device.ref, ([device, below]) => row(device, below && only === 'all' && !search))}</ul>` : nothing);

  function list() {
    const all = [...store.devices.values()];
    const top = all.filter((device) => !device.via || !store.devices.has(device.via));
    const ordered = top.flatMap((device) => [[device, false], ...children(device.ref).map((below) => [below, true])]).filter(([device]) => fits(device));
    return html`<div class="ctl"><h1 class="title">${t('tab.devices')}</h1><div class="sp">
      <label><span class="vh">${t('devices.which')}</span><select @change=${(event) => { only = event.target.value; redraw(); }}>${['all', 'look', 'ok', 'moon'].map((key) => html`<option value=${key} ?selected=${key === only}>${t(`devices.${key}`)}</option>`)}</select></label>
      <label><span class="vh">${t('search')}</span><input type="search" placeholder=${t('search')} @input=${(event) => { search = event.target.value.toLowerCase(); redraw(); }}></label></div></div>
      ${[false, true].map((uploads) => group(ordered.filter(([device]) => (device.icon === 'upload') === uploads), uploads))}
      ${ordered.length ? nothing : html`<p class="empty">${t(all.length ? 'devices.none_such' : 'now.none')}</p>`}`;
  }

  go(path, query);
  return { title: () => one?.title() ?? t('tab.devices'), view: () => (one ? one.view() : list()), go, leave: () => { gone = true; one?.leave(); } };
}
