// "+ Device": which kind, where it is, what is needed, and a section of the file made of that.

import { html, live, nothing, render } from './vendor/lit.js';
import { get, send } from './api.js';
import { problem, sheet } from './dom.js';
import { appended, fields, section, values } from './device-section.js';
import { has, t } from './i18n.js';
import { icon } from './icons.js';

const SEARCH_SECONDS = 60;

/**
 * Asks for a device. `check` tells what is wrong with a whole text. Resolves to the text with its section, and to the
 * line on which that ends; to null if there is none.
 */
export function addDevice(text, check) {
  const dialog = document.createElement('dialog');
  dialog.className = 'add';
  dialog.setAttribute('aria-labelledby', 'h-add');
  let around = null, sections = null, error = null, kind = null, known = [], given = {}, wrong = [], busy = false, done = null;
  let network = '', searching = null, finds = null;
  const styles = sheet('device-add.css');

  const draw = () => render(view(), dialog);
  const close = (result = null) => { done = result; dialog.close(); };
  const title = (one) => (has(`add.kind.${one.name}`) ? t(`add.kind.${one.name}`) : one.title);
  const label = (key) => (has(`add.f.${key}`) ? t(`add.f.${key}`) : null);

  async function load() {
    try {
      const [what, schema] = await Promise.all([get('nearby'), get('config/schema'), styles]);
      [around, sections] = [what, schema.sections];
      // Where the program sits in a container of Home Assistant, the browser knows the network better.
      const own = /^(10|192\.168|172\.(1[6-9]|2\d|3[01]))(\.\d+)+$/.exec(location.hostname)?.[0];
      network = around.networks[0] ?? (own ? own.replace(/\d+$/, '0/24') : '');
    } catch (refused) { error = refused; }
    draw();
    dialog.querySelector('.kinds button')?.focus();
  }

  function choose(one) {
    kind = one;
    [given, wrong, finds] = [{}, [], null];
    const { schema } = sections.find((it) => it.name === one.name);
    known = fields(schema).filter((it) => !one.held.includes(it.key));
    known.sort((a, b) => kind.usual.includes(b.key) - kind.usual.includes(a.key));
    for (const it of known) if (it.shape === 'rows') given[it.key] = [{}];
    // What is plugged in and says what it is, is most likely meant.
    const [port, more] = around.ports.filter((it) => it.kind === one.name && !used(it.name));
    if (port && !more && one.needed.includes('port')) given.port = port.name;
    draw();
    dialog.querySelector('form input')?.focus();
    dialog.scrollTop = 0;
  }

  // What is switched off is not used.
  const inUse = text.replaceAll(/^\s*#.*$/gm, '');
  const used = (name) => inUse.includes(`"${name}"`);
  function set(key, value) {
    given = { ...given, [key]: value };
    if (!wrongAt(key).length) return;
    // It was about what stood there before.
    wrong = wrong.filter((one) => keyOf(one) !== key);
    draw();
  }

  const keyOf = (one) => one.key.replace(/\[.*/, '').split('.').slice(-1)[0];
  const wrongAt = (key) => wrong.filter((one) => keyOf(one) === key);

  async function search() {
    finds = null;
    searching = new AbortController();
    const timer = setTimeout(() => searching?.abort(), SEARCH_SECONDS * 1000);
    draw();
    try {
      const answer = await send('POST', 'nearby/search', { kind: kind.name, network }, { signal: searching.signal });
      finds = await answer.json();
      if (finds.found.length === 1 && !given.host) take(finds.found[0]);
    } catch (refused) { finds = { refused }; }
    clearTimeout(timer);
    searching = null;
    draw();
  }

  // Only what the section does not mean anyway.
  function take(one) {
    for (const [key, value] of Object.entries(one.keys)) {
      const usual = known.find((it) => it.key === key)?.usual;
      set(key, String(usual) === value ? '' : value);
    }
    draw();
  }

  async function write(event, anyway = false) {
    event.preventDefault();
    const before = text.trim() ? text.trimEnd().split('\n').length + 1 : 0;
    const whole = appended(text, section(kind.name, values(known, given)));
    // All of it is in sight, if its last line is.
    const result = { text: whole, line: whole.trimEnd().split('\n').length };
    if (anyway) return close(result);
    busy = true;
    draw();
    try {
      wrong = (await check(whole)).filter((one) => one.line > before);
      error = null;
    } catch (refused) { error = refused; }
    busy = false;
    if (!wrong.length && !error) return close(result);
    draw();
    (dialog.querySelector('[aria-invalid=true]') ?? dialog.querySelector('.wrongs'))?.focus();
    return null;
  }

  const kinds = () => html`<p class="muted">${t('add.after')}</p><ul class="kinds">${around.kinds.map((one) => html`<li><button @click=${() => choose(one)}>
    <b>${title(one)}</b>${has(`add.kind.${one.name}.why`) ? html`<span>${t(`add.kind.${one.name}.why`)}</span>` : nothing}
    ${around.ports.some((port) => port.kind === one.name) ? html`<span class="fine">${icon('ok')}${t('add.plugged')}</span>` : nothing}</button></li>`)}</ul>`;

  /** Things to press that fill a field. */
  const picks = (key, all) => html`<div class="picks" role="group" aria-label=${t('add.found')}>${all.map((one) => html`
    <button type="button" aria-pressed=${(given[key] ?? '') === one.value ? 'true' : 'false'} @click=${() => { if (one.take) one.take(); else set(key, one.value); draw(); }}>
      <b>${one.value}</b>${one.about ? html`<span>${one.about}</span>` : nothing}${one.value && used(one.value) ? html`<span class="muted">${t('add.in_file')}</span>` : nothing}</button>`)}</div>`;

  function ports() {
    // What says of itself that it is for something else, comes last.
    const rank = (one) => (one.kind === kind.name ? 0 : one.kind ? 2 : 1);
    const other = (one) => (one.kind && one.kind !== kind.name ? title(around.kinds.find((it) => it.name === one.kind)) : null);
    const all = [...around.ports].sort((a, b) => rank(a) - rank(b));
    return all.length ? picks('port', all.map((one) => ({ value: one.name, about: [one.about, other(one)].filter(Boolean).join(' · ') }))) : html`<p class="hint">${t('add.no_ports')}</p>`;
  }

  const finder = () => html`<div class="find"><label for="add-network">${t('add.network')}</label><div>
    <input id="add-network" type="text" inputmode="decimal" autocomplete="off" spellcheck="false" list="add-networks" placeholder="192.168.1.0/24" .value=${network} ?disabled=${!!searching}
      @input=${(event) => { network = event.target.value; }} @keydown=${(event) => { if (event.key === 'Enter') { event.preventDefault(); if (network.trim()) search(); } }}>
    <datalist id="add-networks">${around.networks.map((one) => html`<option value=${one}></option>`)}</datalist>
    <button type="button" class="btn" ?disabled=${!!searching} @click=${search}>${t('add.search')}</button></div>
    <div role="status">${searching ? t('add.searching', { network }) : !finds ? nothing : finds.refused ? problem(finds.refused) : html`
      ${finds.found.length ? picks('host', finds.found.map((one) => ({ value: one.address, about: one.about, take: () => take(one) }))) : html`<p class="hint">${t('add.nothing', { network })}</p>`}
      ${finds.others.map((one) => html`<p class="hint">${one.address}: <span lang="en">${one.about}</span></p>`)}
      ${finds.complete ? nothing : html`<p class="hint">${t('add.cut')}</p>`}`}</div></div>`;

  /** What can be chosen from, beside typing it. */
  const offers = (one) => {
    if (one.key === 'port' && one.shape === 'text') return ports();
    if (one.key === 'host' && kind.search) return finder();
    return one.key === 'interface' && around.interfaces.length ? picks('interface', around.interfaces.map((value) => ({ value }))) : nothing;
  };

  function input(one, id, value, change) {
    const told = wrongAt(one.key).length > 0, about = `${id}-about`;
    const typing = (event) => change(event.target.value);
    const plain = (type, mode = nothing) => html`<input id=${id} type=${type} inputmode=${mode} autocomplete=${type === 'password' ? 'new-password' : 'off'} autocapitalize="off" spellcheck="false" .value=${live(value ?? '')}
      placeholder=${one.usual != null && one.usual !== '' && typeof one.usual !== 'object' ? one.usual : nothing} aria-invalid=${told ? 'true' : nothing} aria-describedby=${about} @input=${typing}>`;
    switch (one.shape) {
      case 'secret': return plain('password');
      case 'number': return plain('text', one.whole ? 'numeric' : 'decimal');
      case 'switch': return html`<input id=${id} type="checkbox" .checked=${value ?? one.usual ?? false} aria-describedby=${about} @change=${(event) => change(event.target.checked)}>`;
      case 'choice': return html`<select id=${id} aria-describedby=${about} @change=${typing}>${[one.usual == null || one.usual === 'count' ? '' : one.usual, ...one.options.filter((it) => it !== one.usual)]
        .map((it) => html`<option value=${it} ?selected=${(value ?? one.usual ?? '') === it}>${has(`add.q.${it || 'none'}`) ? t(`add.q.${it || 'none'}`) : it.replaceAll('_', ' ')}</option>`)}</select>`;
      case 'pairs': return html`<div class="pairs" role="group" aria-labelledby="${id}-name">${[...(value ?? []), ...(value?.length && !value.at(-1)[0] ? [] : [['', '']])].map(([key, of], n) => {
        const put = (pair) => { const all = [...(value ?? [])]; all[n] = pair; change(all); draw(); };
        return html`<div><input type="text" autocomplete="off" spellcheck="false" aria-label=${t('add.pair')} placeholder=${t('add.pair')} .value=${key} @change=${(event) => put([event.target.value, of])}>
          <input type=${one.secret ? 'password' : 'text'} autocomplete=${one.secret ? 'new-password' : 'off'} spellcheck="false" aria-label=${t('add.pair_value')} placeholder=${t('add.pair_value')} .value=${of} @change=${(event) => put([key, event.target.value])}></div>`;
      })}</div>`;
      case 'rows': return html`<div class="many" role="group" aria-labelledby="${id}-name">${(value ?? []).map((row, n) => html`<div>${one.fields.filter((it) => ['id', 'quantity'].includes(it.key)).map((it) => entry(it, `${id}-${n}-${it.key}`, row[it.key], (given_) => {
        change(given[one.key].map((was, m) => (m === n ? { ...was, [it.key]: given_ } : was)));
      }))}</div>`)}<button type="button" class="btn" @click=${() => { change([...(given[one.key] ?? []), {}]); draw(); }}>${icon('plus')}${t('add.row')}</button></div>`;
      default: return plain('text');
    }
  }

  function entry(one, id, value, change, offer = nothing) {
    const key = one.key === 'port' ? (one.shape === 'text' ? 'serial_port' : 'tcp_port') : one.key;
    const words = label(key), hint = has(`add.h.${key}`) ? t(`add.h.${key}`) : null;
    const plain = one.key.replaceAll('_', ' ');
    const head = html`${words ?? html`<span lang="en">${plain}</span>`} ${words || plain !== one.key ? html`<code>${one.key}</code>` : nothing}`;
    const isGroup = one.shape === 'pairs' || one.shape === 'rows';
    return html`<div class="field of-${one.shape}">${isGroup ? html`<p class="name" id="${id}-name">${head}</p>` : html`<label class="name" for=${id}>${head}</label>`}
      ${offer}${input(one, id, value, change)}
      <div id="${id}-about">${hint ? html`<p class="hint">${hint}</p>` : words && one.shape === 'choice' ? nothing : html`<p class="hint" lang="en">${one.about}</p>`}
      ${wrongAt(one.key).map((it) => html`<p class="wrong" lang="en">${icon('warn')}<span>${it.what}${it.hint ? html`<br>${it.hint}` : nothing}</span></p>`)}</div></div>`;
  }

  function form() {
    const top = known.filter((one) => kind.usual.includes(one.key)), rest = known.filter((one) => !kind.usual.includes(one.key) && one.shape !== 'rows');
    const row = (one) => entry(one, `add-${one.key}`, given[one.key], (value) => set(one.key, value), offers(one));
    const elsewhere = wrong.filter((one) => !known.some((it) => it.key === keyOf(one)));
    return html`<form class="form" novalidate @submit=${write}>
      ${wrong.length ? html`<div class="note wrongs" role="alert" tabindex="-1">${icon('warn')}<div><h3>${t('add.wrong')}</h3>${elsewhere.map((one) => html`<p lang="en">${one.what}. ${one.hint}</p>`)}</div></div>` : nothing}
      ${top.map(row)}
      ${rest.length ? html`<details ?open=${rest.some((one) => wrongAt(one.key).length)}><summary>${t('add.more')}</summary>${rest.map(row)}</details>` : nothing}
      <div class="row"><button type="button" class="btn" @click=${() => { searching?.abort(); kind = null; error = null; draw(); dialog.querySelector('.kinds button')?.focus(); }}>${icon('left')}${t('add.back')}</button>
        ${wrong.length ? html`<button type="button" class="btn" @click=${(event) => write(event, true)}>${t('add.anyway')}</button>` : nothing}
        <button class="btn main" ?disabled=${busy}>${t('add.write')}</button></div></form>`;
  }

  const view = () => html`<div class="head"><h2 id="h-add">${kind ? title(kind) : t('add.which')}</h2><button class="btn sq" aria-label=${t('cancel')} @click=${() => close()}>${icon('close')}</button></div>
    ${error ? problem(error) : nothing}${!around ? (error ? nothing : t('loading')) : kind ? form() : kinds()}`;

  return new Promise((resolve) => {
    dialog.onclose = () => { searching?.abort(); dialog.remove(); resolve(done); };
    document.body.append(dialog);
    draw();
    dialog.showModal();
    load();
  });
}
