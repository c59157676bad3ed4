// What lit-html leaves out and every page needs.

import { Directive, directive, html, nothing } from './vendor/lit.js';
import { ago } from './format.js';
import { t } from './i18n.js';
import { icon } from './icons.js';
import { now } from './store.js';

/** Sets properties of an element's style one by one: a `style` attribute would break the content security policy. */
export const css = directive(class extends Directive {
  render() { return nothing; }
  update(part, [properties]) {
    for (const [name, value] of Object.entries(properties)) part.element.style.setProperty(name, value);
    return nothing;
  }
});

/** "3 s ago", kept up to date by `tick`. */
export const age = (at, gap) => (at == null ? html`<span class="age">${t('age.never')}</span>`
  : html`<time class="age" data-at=${at} data-gap=${gap ?? ''}></time>`);

/** Ages go on by themselves, also while nothing else comes; only text changes. */
export function tick() {
  const moment = now();
  for (const element of document.querySelectorAll('[data-at]')) {
    const seconds = Math.max(0, moment - Number(element.dataset.at));
    const text = ago(seconds);
    if (element.textContent !== text) element.textContent = text;
    const gap = Math.max(10, Number(element.dataset.gap));
    element.classList.toggle('late', !!element.dataset.gap && seconds > 3 * gap);
  }
}

/** Radio-like row of buttons. */
export const segments = (label, options, chosen, choose) => html`
  <div class="seg" role="group" aria-label=${label}>${options.map(([key, words]) => html`
    <button aria-pressed=${key === chosen ? 'true' : 'false'} @click=${() => choose(key)}>${words}</button>`)}</div>`;

export const problem = (error) => (error ? html`
  <div class="note" role="alert">${icon('warn')}<div><h2>${error.message || t('error.unreachable')}</h2>
  ${error.hint ? html`<p>${error.hint}</p>` : nothing}</div></div>` : nothing);

export const loading = () => html`<p class="empty">${t('loading')}</p>`;

/** Asks before something happens; resolves to whether it may. */
export function confirmed(question, yes) {
  const dialog = document.createElement('dialog');
  const text = document.createElement('p');
  text.id = 'ask';
  text.textContent = question;
  dialog.setAttribute('aria-labelledby', 'ask');
  const row = document.createElement('div');
  row.className = 'row';
  return new Promise((resolve) => {
    for (const [words, answer, look] of [[t('cancel'), false, 'btn'], [yes, true, 'btn main']]) {
      const button = document.createElement('button');
      button.className = look;
      button.textContent = words;
      button.onclick = () => { resolve(answer); dialog.close(); };
      row.append(button);
    }
    dialog.append(text, row);
    dialog.onclose = () => { resolve(false); dialog.remove(); };
    document.body.append(dialog);
    dialog.showModal();
  });
}

export const announce = (words) => {
  const region = document.getElementById('said');
  if (region) region.textContent = words;
};

/** A sheet that only some pages need. */
export function sheet(name) {
  const href = new URL(name, import.meta.url).href;
  if ([...document.styleSheets].some((one) => one.href === href) || document.querySelector(`link[href="${href}"]`)) return Promise.resolve();
  return new Promise((resolve) => {
    const link = document.createElement('link');
    link.rel = 'stylesheet';
    link.href = href;
    link.onload = link.onerror = resolve;
    document.head.append(link);
  });
}
