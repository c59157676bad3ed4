// The configuration file: checked while one types, saved with a copy of what was, used at once.

import { html, nothing } from '../vendor/lit.js';
import { change, download, get } from '../api.js';
import { announce, confirmed, loading, problem, sheet } from '../dom.js';
import { moment, number } from '../format.js';
import { t } from '../i18n.js';
import { icon } from '../icons.js';
import { start, store } from '../store.js';

const CHECK_AFTER = 400;

export default function page({ redraw, query }) {
  let config = null, text = '', problems = [], error = null, saved = null, timer = 0, turn = 0, copies = null, file = null, origin = null, busy = false, conflict = null;
  const styles = sheet('more.css');
  // Where the editor cannot be loaded a plain field does.
  const ready = import('../editor.js').catch(() => null);

  async function load(after = null) {
    try {
      config = await get('config');
      saved = after;
      origin = null;
      [text, problems] = [config.text, config.problems ?? []];
      error = null;
      conflict = null;
      file = { text, label: config.path, changed: edited };
      await Promise.all([styles, ready]);
    } catch (refused) { error = refused; }
    redraw();
  }

  const editor = () => document.querySelector('watt-editor');

  function edited(value) {
    text = value;
    saved = null;
    clearTimeout(timer);
    timer = setTimeout(check, CHECK_AFTER);
  }

  async function check() {
    const mine = ++turn;
    try {
      const answer = await change('POST', 'config/check', { text, from: origin });
      if (mine !== turn) return;
      problems = answer.problems;
      error = null;
    } catch (refused) { if (mine === turn) error = refused; }
    redraw();
  }

  function put(value) {
    text = value;
    if (editor()) editor().set(value); else { const field = document.getElementById('toml'); if (field) field.value = value; }
    check();
  }

  const go = (one) => {
    if (!one.line) return;
    if (editor()) return editor().go(one.line, one.column);
    const field = document.getElementById('toml');
    const at = text.split('\n').slice(0, one.line - 1).join('\n').length + (one.line > 1 ? 1 : 0);
    field?.focus();
    field?.setSelectionRange(at, at + (text.slice(at).indexOf('\n') + 1 || text.length));
  };

  function mend(one) {
    const lines = text.split('\n');
    // Columns count characters, of which some are two for JavaScript.
    const line = [...lines[one.line - 1] ?? ''];
    line.splice(one.column - 1, one.fix.length, one.fix.text);
    lines[one.line - 1] = line.join('');
    put(lines.join('\n'));
    announce(t('settings.mended'));
  }

  // Sections that can be left out: only those of devices, and only if nothing else is wrong.
  const leavable = () => (problems.length && problems.every((one) => one.kind === 'device' && one.section) ? [...new Set(problems.map((one) => one.section))] : null);

  async function save(leaveOut = false) {
    busy = true;
    redraw();
    try {
      saved = await change('PUT', 'config', { text, rev: config.rev, from: origin, leave_out: leaveOut });
      if (saved.left_out?.length) return await load(saved);
      config = { ...config, rev: saved.rev, text };
      error = null;
      conflict = null;
      copies = null;
      if (store.hello.safe_mode) setTimeout(start, 1500);
    } catch (refused) {
      conflict = refused.body?.present ?? null;
      if (refused.body?.problems) problems = refused.body.problems;
      error = refused;
    }
    busy = false;
    redraw();
  }

  // Loaded only then.
  async function add() {
    const { addDevice } = await import('../device-add.js');
    const made = await addDevice(text, async (whole) => (await change('POST', 'config/check', { text: whole, from: origin })).problems);
    if (!made) return;
    put(made.text);
    saved = null;
    redraw();
    go(made);
    announce(t('add.written'));
  }

  async function listCopies(event) {
    if (!event.target.open || copies) return;
    copies = await get('config/copies').then((answer) => answer.copies).catch(() => []);
    redraw();
  }
  async function takeCopy(name) {
    if (text !== config.text && !(await confirmed(t('settings.replace'), t('settings.replace_yes')))) return;
    const copy = await get(`config/copies/${encodeURIComponent(name)}`).catch((refused) => { error = refused; return null; });
    if (copy) { origin = name; put(copy.text); }
    redraw();
  }

  const list = () => html`<section class="card problems" aria-labelledby="h-problems" aria-live="polite"><h2 id="h-problems">${problems.length ? t('settings.problems', { n: problems.length }) : html`<span class="fine">${icon('ok')}${t('settings.fine')}</span>`}</h2>
    <ol>${problems.map((one) => html`<li>${one.line ? html`<button class="where" @click=${() => go(one)}>${t('line', { n: one.line })}</button>` : html`<span></span>`}<div><b lang="en">${one.what}</b>${one.hint ? html`<p lang="en">${one.hint}</p>` : nothing}
      ${one.fix ? html`<button class="btn" @click=${() => mend(one)}>${t('settings.mend')}</button>` : nothing}</div></li>`)}</ol></section>`;

  function outcome() {
    if (!saved) return nothing;
    const part = (key, names) => (names?.length ? html`<p>${t(key)} ${names.join(', ')}</p>` : nothing);
    return html`<section class="card" role="status"><h2 class="fine">${icon('ok')}${t('settings.saved')}</h2>${part('settings.restarted', saved.restarted)}${part('settings.kept', saved.kept)}${part('settings.left_out', saved.left_out)}
      ${saved.copy ? html`<p class="muted">${t('settings.copy', { name: saved.copy })} <button class="btn" @click=${() => takeCopy(saved.copy)}>${icon('undo')}${t('undo')}</button></p>` : nothing}</section>`;
  }

  const clash = () => (conflict ? html`<section class="note" role="alert">${icon('warn')}<div><h2>${t('settings.conflict')}</h2><p>${t('settings.conflict_why')}</p>
    <pre tabindex="0">${conflict.text}</pre><p><button class="btn" @click=${() => { config = conflict; conflict = null; put(config.text); }}>${t('settings.take_theirs')}</button>
    <button class="btn" @click=${() => { config = { ...config, rev: conflict.rev }; conflict = null; error = null; save(); }}>${t('settings.keep_mine')}</button></p></div></section>` : nothing);

  function view() {
    if (!config) return html`<h1 class="title">${t('more.settings')}</h1>${error ? problem(error) : loading()}`;
    const name = config.path.split('/').pop(), folder = config.path.slice(0, -name.length - 1), leave = leavable(), dirty = text !== config.text;
    return html`<div class="ctl stay"><div><h1 class="title">${t('more.settings')}</h1><p class="muted path">${[name, folder].filter(Boolean).join(' · ')}</p></div><div class="sp">
      <button class="btn" @click=${add}>${icon('plus')}${t('add')}</button>
      <details class="menu" @toggle=${listCopies}><summary class="btn">${t('settings.copies')}</summary><div>${copies == null ? loading() : copies.length ? copies.map((one) => html`<button @click=${() => takeCopy(one.name)}>${moment(one.at)} <span class="muted">${number(one.size)} B</span></button>`) : html`<p class="muted">${t('settings.no_copies')}</p>`}</div></details>
      ${config.writable ? html`${leave ? html`<button class="btn" ?disabled=${busy} @click=${() => save(true)}>${t('settings.leave_out', { names: leave.join(', ') })}</button>` : nothing}
        <button class="btn main" ?disabled=${busy || problems.length > 0 || !dirty} @click=${() => save()}>${t('settings.save')}</button>` : html`<button class="btn" @click=${() => download(name, new Blob([text]))}>${icon('down')}${t('download')}</button>`}</div></div>
      ${config.writable ? nothing : html`<div class="note calm">${icon('info')}<div><h2>${t('settings.readonly')}</h2><p class="do">${config.why_not}</p></div></div>`}
      ${error && !conflict ? problem(error) : nothing}${clash()}
      <div class="cols set"><div class="card file">${customElements.get('watt-editor') ? html`<watt-editor .file=${file} .problems=${problems}></watt-editor>` : html`<label class="vh" for="toml">${config.path}</label><textarea id="toml" spellcheck="false" autocapitalize="off" rows="24" .value=${text} @input=${(event) => edited(event.target.value)}></textarea>`}
        <p class="hint">${t('settings.secrets')}</p></div><div class="cols">${list()}${outcome()}</div></div>`;
  }

  load().then(() => {
    if (!config || !query?.has('add')) return;
    history.replaceState(null, '', '#/settings');
    add();
  });
  return { title: () => t('more.settings'), view, leave: () => { clearTimeout(timer); turn += 1; } };
}
