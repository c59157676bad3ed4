// What is said about weak panels, and the ranking beside the roof.

import { html, nothing } from './vendor/lit.js';
import { css } from './dom.js';
import { number, percent } from './format.js';
import { t } from './i18n.js';
import { icon } from './icons.js';

function hours(finding) {
  if (!finding.hours?.length) return nothing;
  const weak = (share) => share != null && share < 0.85;
  const words = finding.hours.map(({ hour, share }) => `${hour}: ${percent(share)}`).join(', ');
  return html`<figure><figcaption>${t('weak.by_hour')}</figcaption>
    <div class="hours" role="img" aria-label=${words}>${finding.hours.map(({ hour, share }) => html`<div><i class=${weak(share) ? 'lo' : ''} ${css({ '--h': `${Math.min(1.1, share ?? 0) * 90}%` })}></i><span>${hour % 3 === 0 ? hour : ''}</span></div>`)}</div></figure>`;
}

function one(finding, headline) {
  const { name, percent_less: less, kind } = finding;
  const reason = kind === 'shadow' ? t('weak.shadow', { a: finding.from_hour, b: finding.to_hour }) : kind === 'nothing' ? t('weak.none') : t(`weak.${kind}`);
  return html`<section class="card find">${headline ? html`<p class="tag">${icon('warn')}${t('weak.title')}</p>` : nothing}
    <h2>${kind === 'nothing' ? t('weak.silent', { panel: name }) : t('weak', { panel: name, p: `${number(less)}\u202f%` })}</h2>
    ${kind === 'nothing' ? nothing : html`<p class="muted">${t('weak.mean')}</p>${hours(finding)}`}
    <p class="why">${reason} ${kind === 'shadow' ? t('weak.shadow_why') : nothing}</p></section>`;
}

export function findings(weak, slots) {
  // Where nothing was recorded yet nothing can be said.
  const isKnown = Object.values(slots?.energy ?? {}).some((wh) => wh != null);
  if (!weak || weak.at === null || (!weak.findings.length && !isKnown)) return nothing;
  if (!weak.findings.length) return html`<section class="card find"><p class="tag fine">${icon('ok')}${t('weak.fine')}</p><p class="muted">${t('weak.fine_why')}</p></section>`;
  return weak.findings.slice(0, 3).map((finding, i) => one(finding, i === 0));
}

export function ranking(panels, slots, weak, today) {
  if (!slots) return nothing;
  const rows = panels.map((panel) => ({ panel, wh: slots.energy[panel.id] ?? null })).sort((a, b) => (b.wh ?? -1) - (a.wh ?? -1));
  const most = Math.max(1, ...rows.map((row) => row.wh ?? 0));
  const found = new Set((weak?.findings ?? []).map((finding) => finding.panel));
  if (!rows.some((row) => row.wh != null)) return nothing;
  return html`<section class="card" aria-labelledby="h-rank"><div class="head"><h2 id="h-rank">${today ? t('rank.today') : t('rank.day')}</h2><span class="muted">Wh</span></div>
    <ol class="rank">${rows.map(({ panel, wh }) => html`<li class=${found.has(panel.id) ? 'lo' : ''}><span>${panel.name}</span>
      <i ${css({ '--w': `${((wh ?? 0) / most) * 100}%` })}></i><span>${number(wh)}</span></li>`)}</ol></section>`;
}
