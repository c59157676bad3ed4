// Arranging the roof: drag on a grid of 5 cm, or arrow keys; R turns, Del puts back into the tray; every step can be undone.

import { html, nothing, repeat } from './vendor/lit.js';
import { change, get } from './api.js';
import { announce, confirmed, css, loading, problem } from './dom.js';
import { number } from './format.js';
import { t } from './i18n.js';
import { icon } from './icons.js';
import { store } from './store.js';
import { deviceOf, DIRECTIONS, extent, firstPlace, forServer, fromServer, GRID, isFree, keyOf, layOut, panelSize, scaleOf, sizeOf, snap, snapped } from './roof-model.js';

const ROOM = 1.2;

export default function arrange({ redraw }) {
  let roof = null, error = null, undo = [], picked = null, drag = null, saving = false;
  const copy = (value) => JSON.parse(JSON.stringify(value));

  async function load() {
    try {
      roof = fromServer(await get('roof'));
      if (!roof.planes.length) roof.planes.push(plane());
      error = null;
      undo = [];
    } catch (refused) { error = refused; }
    redraw();
  }

  const plane = () => ({ id: `plane-${Date.now().toString(36)}`, name: t('arrange.plane', { n: roof.planes.length + 1 }), direction: 'S', steep: 30, panels: [] });
  const find = (id) => { const on = roof.planes.find((one) => one.panels.some((panel) => panel.id === id)); return on && { on, panel: on.panels.find((one) => one.id === id) }; };

  function step(act, words) {
    undo = [...undo.slice(-60), copy({ planes: roof.planes, tray: roof.tray })];
    act();
    if (words) announce(words);
    redraw();
  }

  // Fields are told at each letter; one undo takes back the whole change.
  let editing = '';
  const edit = (key, act) => {
    if (editing !== key) { undo = [...undo.slice(-60), copy({ planes: roof.planes, tray: roof.tray })]; editing = key; }
    act();
    redraw();
  };

  function back() {
    const before = undo.pop();
    if (!before) return;
    editing = '';
    Object.assign(roof, before);
    redraw();
  }

  function toTray({ on, panel }) {
    on.panels = on.panels.filter((one) => one !== panel);
    roof.tray = [...roof.tray, { id: panel.id, name: panel.name, model: panel.model ?? store.devices.get(deviceOf(panel))?.model ?? '', rated: panel.rated }];
    picked = null;
  }

  function place(item, on) {
    roof.tray = roof.tray.filter((one) => one.id !== item.id);
    const placed = firstPlace({ id: item.id, name: item.name, rated: item.rated ?? null, x: 0, y: 0, turned: false }, on);
    on.panels = [...on.panels, placed];
    picked = item.id;
  }

  function moveTo(found, next) {
    if (!isFree(next, found.on)) return announce(t('arrange.taken'));
    step(() => Object.assign(found.panel, next), t('arrange.at', { x: number(next.x, 2), y: number(next.y, 2) }));
  }

  function keys(event, id) {
    const found = find(id);
    const by = event.shiftKey ? 10 * GRID : GRID;
    const way = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] }[event.key];
    if (way) moveTo(found, { ...found.panel, x: snap(found.panel.x + way[0]), y: snap(found.panel.y + way[1]) });
    else if (event.key === 'r' || event.key === 'R') moveTo(found, { ...found.panel, turned: !found.panel.turned });
    else if (event.key === 'Delete' || event.key === 'Backspace') step(() => toTray(found), t('arrange.in_tray'));
    else if ((event.key === 'z' || event.key === 'Z') && (event.ctrlKey || event.metaKey)) back();
    else return;
    event.preventDefault();
  }

  // Dragging writes only to the element; the roof is changed once, where it is let go.
  function down(event, id) {
    const found = find(id);
    picked = id;
    const field = event.currentTarget.closest('.field');
    const box = field.getBoundingClientRect();
    const metre = box.width / Number(field.dataset.w);
    drag = { found, metre, from: [event.clientX, event.clientY], element: event.currentTarget, next: null };
    event.currentTarget.setPointerCapture(event.pointerId);
    redraw();
  }
  function moving(event) {
    if (!drag) return;
    const dx = (event.clientX - drag.from[0]) / drag.metre, dy = (event.clientY - drag.from[1]) / drag.metre;
    if (!drag.next && Math.hypot(dx, dy) < 0.08) return;
    const { found } = drag;
    const near = snapped({ ...found.panel, x: found.panel.x + dx, y: found.panel.y + dy }, found.on);
    drag.next = near;
    drag.element.classList.toggle('clash', !isFree(near, found.on));
    drag.element.style.transform = `translate(${(near.x - found.panel.x) * drag.metre}px, ${(near.y - found.panel.y) * drag.metre}px)`;
  }
  function up(event) {
    if (!drag) return;
    const { found, next, element } = drag;
    drag = null;
    element.style.transform = '';
    element.classList.remove('clash');
    const over = document.elementsFromPoint(event.clientX, event.clientY);
    const tray = over.some((one) => one.classList?.contains('tray'));
    const other = over.find((one) => one.dataset?.plane && one.dataset.plane !== found.on.id);
    if (next && tray) step(() => toTray(found));
    else if (next && other) {
      const target = roof.planes.find((one) => one.id === other.dataset.plane);
      step(() => { found.on.panels = found.on.panels.filter((one) => one !== found.panel); target.panels = [...target.panels, firstPlace(found.panel, target)]; });
    } else if (next) moveTo(found, next);
  }

  async function save() {
    saving = true;
    redraw();
    try {
      const planes = roof.planes.filter((one) => one.panels.length || roof.planes.length > 1);
      await change('PUT', 'roof', { rev: roof.rev, planes: forServer(planes) });
      undo = [];
      location.hash = '#/roof';
    } catch (refused) { error = refused; }
    saving = false;
    redraw();
  }

  async function layAll() {
    const all = [...roof.planes.flatMap((one) => one.panels), ...roof.tray.map((item) => ({ id: item.id, name: item.name, rated: item.rated ?? null }))];
    step(() => { roof.planes = [{ ...roof.planes[0], panels: layOut(all.sort((a, b) => (a.id < b.id ? -1 : 1))) }]; roof.tray = []; });
  }

  async function leave() {
    if (undo.length && !(await confirmed(t('arrange.drop'), t('arrange.drop_yes')))) return;
    location.hash = '#/roof';
  }

  // Room to drag to, beyond what lies there.
  function roomOf(on) {
    const size = extent(on, 4 * panelSize.w);
    return { w: size.w + ROOM, h: size.h + ROOM };
  }

  function planeEditor(on) {
    const room = roomOf(on);
    return html`<section class="plane" aria-label=${on.name} ${css({ '--w': String(room.w) })}><div class="fields">
        <label>${t('name')}<input type="text" .value=${on.name} maxlength="40" @input=${(event) => edit(`${on.id}name`, () => { on.name = event.target.value; })}></label>
        <label>${t('arrange.direction')}<select @change=${(event) => step(() => { on.direction = event.target.value; })}><option value="" ?selected=${!on.direction}>—</option>${DIRECTIONS.includes(on.direction) || !on.direction ? nothing : html`<option value=${on.direction} selected>${on.direction}</option>`}${DIRECTIONS.map((one) => html`<option value=${one} ?selected=${one === on.direction}>${t(`direction.${one}`)}</option>`)}</select></label>
        <label>${t('arrange.steep')}<input type="number" min="0" max="90" .value=${String(on.steep ?? '')} @input=${(event) => edit(`${on.id}steep`, () => { on.steep = event.target.value === '' ? null : Math.max(0, Math.min(90, Number(event.target.value))); })}></label>
        ${roof.planes.length > 1 ? html`<button class="btn" @click=${() => step(() => { for (const panel of [...on.panels]) toTray({ on, panel }); roof.planes = roof.planes.filter((one) => one !== on); })}>${t('arrange.remove')}</button>` : nothing}</div>
      <div class="field edit" data-plane=${on.id} data-w=${room.w} ${css({ '--a': `${room.w} / ${room.h}`, '--gw': `${(GRID * 10 / room.w) * 100}%`, '--gh': `${(GRID * 10 / room.h) * 100}%` })}>
        ${repeat(on.panels, (panel) => panel.id, (panel) => {
    const box = sizeOf(panel);
    return html`<button class="tile ${panel.id === picked ? 'picked' : ''}" aria-pressed=${panel.id === picked ? 'true' : 'false'} aria-label="${panel.name}, x ${number(panel.x, 2)} m, y ${number(panel.y, 2)} m"
          ${css({ left: `${(panel.x / room.w) * 100}%`, top: `${(panel.y / room.h) * 100}%`, width: `${(box.w / room.w) * 100}%`, height: `${(box.h / room.h) * 100}%`, '--v': '60%' })}
          @pointerdown=${(event) => down(event, panel.id)} @pointermove=${moving} @pointerup=${up} @pointercancel=${up} @focus=${() => { if (picked !== panel.id) { picked = panel.id; redraw(); } }} @keydown=${(event) => keys(event, panel.id)}><span>${panel.name}</span></button>`;
  })}</div></section>`;
  }

  function selection() {
    const found = picked && find(picked);
    if (!found) return html`<p class="muted">${t('arrange.how')}</p>`;
    const { panel, on } = found;
    const set = (key) => (event) => moveTo(found, { ...panel, [key]: snap(Number(event.target.value)) });
    return html`<div class="fields"><label>${t('name')}<input type="text" maxlength="40" .value=${panel.name} @input=${(event) => edit(`${panel.id}name`, () => { panel.name = event.target.value; })}></label>
      <label>${t('arrange.rated')}<input type="number" min="0" max="2000" step="5" .value=${String(panel.rated ?? '')} @input=${(event) => edit(`${panel.id}rated`, () => { panel.rated = event.target.value === '' ? null : Number(event.target.value); })}></label>
      <label>x, m<input type="number" min="0" step=${GRID} .value=${panel.x.toFixed(2)} @change=${set('x')}></label><label>y, m<input type="number" min="0" step=${GRID} .value=${panel.y.toFixed(2)} @change=${set('y')}></label>
      ${roof.planes.length > 1 ? html`<label>${t('arrange.on')}<select @change=${(event) => step(() => { const target = roof.planes.find((one) => one.id === event.target.value); on.panels = on.panels.filter((one) => one !== panel); target.panels = [...target.panels, firstPlace(panel, target)]; })}>${roof.planes.map((one) => html`<option value=${one.id} ?selected=${one === on}>${one.name}</option>`)}</select></label>` : nothing}
      <button class="btn" @click=${() => moveTo(found, { ...panel, turned: !panel.turned })}>${icon('turn')}${t('arrange.turn')}</button><button class="btn" @click=${() => step(() => toTray(found))}>${t('arrange.to_tray')}</button></div>
      <p class="hint">${[store.devices.get(deviceOf(panel))?.name, keyOf(panel)].filter(Boolean).join(', ')}, ${number(panelSize.h, 2)} × ${number(panelSize.w, 2)} m</p>`;
  }

  function view() {
    if (!roof) return html`<h1>${t('roof.arrange')}</h1>${error ? problem(error) : loading()}`;
    return html`<div class="ctl"><h1 class="title">${t('roof.arrange')}</h1><div class="sp">
        <button class="btn" ?disabled=${!undo.length} @click=${back}>${icon('undo')}${t('undo')}</button><button class="btn" @click=${layAll}>${t('arrange.lay_out')}</button>
        <button class="btn" @click=${() => step(() => { roof.planes = [...roof.planes, plane()]; })}>${icon('plus')}${t('arrange.add')}</button>
        <button class="btn" @click=${leave}>${t('cancel')}</button><button class="btn main" ?disabled=${saving} @click=${save}>${t('done')}</button></div></div>
      ${error ? problem(error) : nothing}
      <div class="cols roof"><section class="card" aria-label=${t('roof.panels')}><div class="planes"><div ${css({ ...scaleOf(roof.planes.map(roomOf)), '--least': '62px' })}>${roof.planes.map(planeEditor)}</div></div></section>
      <div class="cols"><section class="card tray" aria-labelledby="h-tray"><h2 id="h-tray">${t('arrange.tray')}</h2>
        ${roof.tray.length ? html`<ul>${roof.tray.map((item) => html`<li><button class="btn" @click=${() => step(() => place(item, (picked && find(picked)?.on) ?? roof.planes[0]), t('arrange.placed'))}>${icon('plus')}${item.name}</button></li>`)}</ul>` : html`<p class="muted">${t('arrange.tray_empty')}</p>`}</section>
      <section class="card" aria-labelledby="h-sel"><h2 id="h-sel">${t('arrange.selected')}</h2>${selection()}</section></div></div>`;
  }

  load();
  return { view, leave: () => {} };
}
