// The password, and only looking where that is allowed.

import { html, nothing } from '../vendor/lit.js';
import { change } from '../api.js';
import { sheet } from '../dom.js';
import { t } from '../i18n.js';
import { icon } from '../icons.js';
import { start, store } from '../store.js';

export default function page({ redraw }) {
  let error = null, busy = false;
  sheet('more.css').then(redraw);

  async function enter(event) {
    event.preventDefault();
    const password = event.target.elements.password.value;
    busy = true;
    redraw();
    try {
      await change('POST', 'session', { password });
      error = null;
      location.hash = '#/now';
      await start();
    } catch (refused) {
      error = refused;
      setTimeout(() => document.getElementById('password')?.select());
    }
    busy = false;
    redraw();
  }

  const view = () => html`<div class="enter"><h1 class="title">${store.hello?.title || 'wattbridge'}</h1>
    <form class="card" @submit=${enter}><label for="password">${t('login.password')}</label>
      <input class="vh" type="text" autocomplete="username" value="wattbridge" tabindex="-1" aria-hidden="true" readonly>
      <input id="password" name="password" type="password" autocomplete="current-password" required aria-describedby=${error ? 'wrong' : nothing}>
      ${error ? html`<p id="wrong" class="wrong" role="alert">${icon('warn')}<span>${error.message || t('error.unreachable')} ${error.hint}</span></p>` : nothing}
      <button class="btn main" ?disabled=${busy}>${t('login')}</button></form>
    ${store.hello?.role === 'guest' ? html`<a class="btn" href="#/now">${t('login.look')}</a>` : nothing}</div>`;
  return { title: () => t('login'), view };
}
