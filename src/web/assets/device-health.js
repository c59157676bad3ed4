// The health of thirty days: a column for each day, and every change with its reason.

import { html, nothing } from './vendor/lit.js';
import { css } from './dom.js';
import { dateText, moment, number } from './format.js';
import { healthWord, tone } from './health.js';
import { t } from './i18n.js';
import { icon } from './icons.js';
import { houseLanguage } from './store.js';

const KINDS = [['online', '--ok'], ['asleep', '--ghost'], ['trouble', '--warn'], ['unknown', '--grid-line']];
const FEW = 6;

export function healthDays({ changes, days }, all, more) {
  const troubled = days.filter((day) => day.trouble > 0.05);
  const words = troubled.length ? t('health.days_bad', { n: troubled.length }) : t('health.days_fine');
  const about = (day) => `${dateText(day.date, { day: 'numeric', month: 'short' })}: ${KINDS.filter(([kind]) => day[kind] > 0.05).map(([kind]) => `${t(`kind.${kind}`)} ${number(day[kind], 1)}\u202fh`).join(', ')}`;
  return html`<section class="card" aria-labelledby="h-health"><div class="head"><h2 id="h-health">${t('health.days')}</h2><span class="muted">${words}</span></div>
    <div class="health" role="img" aria-label=${`${words} ${troubled.map(about).join('; ')}`}>${days.map((day) => html`<div title=${about(day)}>${KINDS.map(([kind, colour]) => (day[kind] > 0 ? html`<i ${css({ '--c': `var(${colour})`, height: `${(day[kind] / 25) * 100}%` })}></i>` : nothing))}</div>`)}</div>
    <div class="keys">${KINDS.map(([kind, colour]) => html`<span class="key" ${css({ '--c': `var(${colour})` })}>${t(`kind.${kind}`)}</span>`)}</div>
    <ol class="changes">${changes.slice(0, all ? 400 : FEW).map((one) => {
    // Without a code nobody knows: the program did not run.
    const health = one.code ? one : null;
    return html`<li class=${health ? tone(one) : 'wait'}>${icon(health ? tone(one) : 'wait')}<time>${moment(one.at)}</time><div><b>${health ? healthWord(one) : t('kind.unknown')}</b>
      ${one.detail ? html`<p lang=${houseLanguage()}>${one.detail}</p>` : nothing}${one.advice ? html`<p lang=${houseLanguage()}>${one.advice}</p>` : nothing}</div></li>`;
  })}</ol>
    ${!all && changes.length > FEW ? html`<button class="btn" @click=${more}>${t('health.all', { n: changes.length })}</button>` : nothing}</section>`;
}
