// Where nothing runs but this page: the configuration is missing or cannot be used.

import { html, nothing } from '../vendor/lit.js';
import { get } from '../api.js';
import { sheet } from '../dom.js';
import { t } from '../i18n.js';
import { icon } from '../icons.js';
import { isAdmin, store } from '../store.js';

export default function page({ redraw }) {
  let config = null;
  sheet('more.css').then(redraw);
  if (isAdmin()) get('config').then((answer) => { config = answer; redraw(); }).catch(() => {});

  const view = () => html`<div class="enter wide"><h1 class="title">${t(config && !config.text.trim() ? 'welcome' : 'welcome.back')}</h1>
    ${isAdmin() ? html`<p class="ctl"><a class="btn main" href="#/settings?add">${icon('plus')}${t('add')}</a> <a class="btn" href="#/settings">${icon('pencil')}${t('more.settings')}</a></p>` : nothing}
    <div class="note">${icon('warn')}<div><h2>${store.hello.safe_mode ?? t('safe_mode')}</h2>
      ${(config?.problems ?? []).slice(0, 5).map((one) => html`<p>${one.line ? t('line', { n: one.line }) : nothing} ${one.what}</p>${one.hint ? html`<p class="do">${one.hint}</p>` : nothing}`)}
      <p>${t('safe_mode.why')}</p></div></div></div>`;
  return { title: () => t('welcome'), view };
}
