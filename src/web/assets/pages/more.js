// Everything that is not looked at daily, the language, and light or dark.

import { html, nothing } from '../vendor/lit.js';
import { change } from '../api.js';
import { segments, sheet } from '../dom.js';
import { chosenLanguage, NAMES, t } from '../i18n.js';
import { icon } from '../icons.js';
import { can, isAdmin, start, store } from '../store.js';

const keep = (key, value) => { try { if (value) localStorage.setItem(key, value); else localStorage.removeItem(key); } catch { /* Then it holds for this visit only. */ } };
const stored = (key) => { try { return localStorage.getItem(key) ?? ''; } catch { return ''; } };

export default function page({ redraw, speak }) {
  sheet('more.css').then(redraw);
  const entries = [['log', 'log'], ['settings', 'pencil'], ['energy', 'energy', 'energy_dashboard'], ['support', 'help'], ['backup', 'save'], ['about', 'info', null]];

  async function logOut() {
    await change('DELETE', 'session', {}).catch(() => {});
    location.hash = '#/now';
    start();
  }

  const view = () => html`<h1 class="vh">${t('tab.more')}</h1>
    <ul class="more">${entries.filter(([name, , feature]) => feature === null || (isAdmin() && can(feature ?? name))).map(([name, drawing]) => html`<li><a class="card" href="#/${name}">${icon(drawing)}
      <span><b>${t(`more.${name}`)}</b><span>${t(`more.${name}.why`)}</span></span>${icon('right')}</a></li>`)}</ul>
    <div class="cols two"><section class="card" aria-labelledby="h-look"><h2 id="h-look">${t('more.look')}</h2>
      ${segments(t('more.look'), [['', t('look.auto')], ['light', t('look.light')], ['dark', t('look.dark')]], stored('wattbridge.theme'), (value) => { keep('wattbridge.theme', value); dispatchEvent(new Event('theme-chosen')); redraw(); })}</section>
    <section class="card" aria-labelledby="h-lang"><h2 id="h-lang">${t('more.language')}</h2>
      <label><span class="vh">${t('more.language')}</span><select @change=${(event) => { keep('wattbridge.lang', event.target.value); speak(); }}><option value="" ?selected=${!chosenLanguage()}>${t('look.auto')}</option>
      ${Object.entries(NAMES).map(([code, name]) => html`<option value=${code} lang=${code} ?selected=${code === chosenLanguage()}>${name}</option>`)}</select></label></section></div>
    ${store.hello.login ? html`<p class="foot-row">${isAdmin() ? html`<button class="btn" @click=${logOut}>${t('logout')}</button>` : html`<a class="btn main" href="#/login">${t('login')}</a>`}</p>` : nothing}
    <p class="muted version">wattbridge ${store.hello.version}</p>`;
  return { title: () => t('tab.more'), view };
}
