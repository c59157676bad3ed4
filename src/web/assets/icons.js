// Own line drawings, 24 by 24.

import { html, svg } from './vendor/lit.js';

const shapes = {
  sun: svg`<circle cx="12" cy="12" r="4"/><path d="M12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6 7 7M17 17l1.4 1.4M18.4 5.6 17 7M7 17l-1.4 1.4"/>`,
  sum: svg`<path d="M4 11.5 12 5l8 6.5"/><path d="M6 10.5V19h12v-8.5"/>`,
  grid: svg`<path d="M8.5 21 12 3l3.5 18M6.5 8h11M5 12.5h14M9.6 16h4.8"/>`,
  battery: svg`<rect x="3" y="8" width="16" height="9" rx="2"/><path d="M21.5 11v3M6.5 11v3M9.8 11v3M13 11v3"/>`,
  meter: svg`<rect x="4.5" y="3.5" width="15" height="17" rx="2.5"/><path d="M8 8h8M8 12h3"/><circle cx="14.5" cy="15.5" r="2"/>`,
  panels: svg`<path d="M3.5 16 7 7h12l-2.5 9z"/><path d="M5.3 11.5h12.5M12.7 7l-2 9"/><path d="M7 16v3.5M14 16v3.5"/>`,
  chart: svg`<path d="M4 20V4M4 20h16M8 16v-5M12.5 16V7M17 16v-7"/>`,
  devices: svg`<rect x="3.5" y="5" width="17" height="6" rx="2"/><rect x="3.5" y="14" width="17" height="6" rx="2"/><path d="M7 8h.01M7 17h.01M11 8h6M11 17h6"/>`,
  device: svg`<rect x="5" y="5" width="14" height="14" rx="3"/><path d="M9.5 9.5h5v5h-5zM9 2.5V5M15 2.5V5M9 19v2.5M15 19v2.5M2.5 9H5M2.5 15H5M19 9h2.5M19 15h2.5"/>`,
  bridge: svg`<path d="M3 17h18M5 17v-3a7 7 0 0 1 14 0v3M12 7v10M8.5 8v9M15.5 8v9"/>`,
  more: svg`<path d="M5 12h.01M12 12h.01M19 12h.01" stroke-width="2.6"/>`,
  warn: svg`<path d="M12 4 3 19.5h18z"/><path d="M12 10v4.5M12 17.2h.01"/>`,
  ok: svg`<circle cx="12" cy="12" r="8.5"/><path d="m8.5 12.3 2.4 2.4 4.7-5"/>`,
  wait: svg`<circle cx="12" cy="12" r="8.5"/><path d="M12 7.5V12l3 2"/>`,
  moon: svg`<path d="M19 14.5A7.5 7.5 0 0 1 9.5 5 7.5 7.5 0 1 0 19 14.5z"/>`,
  left: svg`<path d="m14.5 6-6 6 6 6"/>`,
  right: svg`<path d="m9.5 6 6 6-6 6"/>`,
  down: svg`<path d="M12 4v11M7.5 11 12 15.5 16.5 11M5 20h14"/>`,
  up: svg`<path d="M12 16V5M7.5 9 12 4.5 16.5 9M5 20h14"/>`,
  play: svg`<path d="M8 5.5v13l10.5-6.5z"/>`,
  pause: svg`<path d="M8.5 6v12M15.5 6v12"/>`,
  move: svg`<path d="M12 3v18M3 12h18M9.5 5.5 12 3l2.5 2.5M9.5 18.5 12 21l2.5-2.5M5.5 9.5 3 12l2.5 2.5M18.5 9.5 21 12l-2.5 2.5"/>`,
  undo: svg`<path d="M8.5 5 4.5 9l4 4M5 9h9a5 5 0 0 1 0 10h-3"/>`,
  turn: svg`<path d="M19 12a7 7 0 1 1-2.2-5.1L19 9M19 4v5h-5"/>`,
  close: svg`<path d="M6 6l12 12M18 6 6 18"/>`,
  plus: svg`<path d="M12 5v14M5 12h14"/>`,
  log: svg`<path d="M5 6h14M5 10.5h14M5 15h9M5 19.5h6"/>`,
  pencil: svg`<path d="m5 19 1-4.5L16 4.5l3.5 3.5-10 10zM13.5 7l3.5 3.5"/>`,
  help: svg`<circle cx="12" cy="12" r="8.5"/><path d="M9.5 9.5a2.5 2.5 0 1 1 3.5 2.3c-.7.4-1 .8-1 1.7M12 16.6h.01"/>`,
  save: svg`<path d="M4 8c0-1.7 3.6-3 8-3s8 1.3 8 3-3.6 3-8 3-8-1.3-8-3zM4 8v8c0 1.7 3.6 3 8 3s8-1.3 8-3V8M4 12c0 1.7 3.6 3 8 3s8-1.3 8-3"/>`,
  info: svg`<circle cx="12" cy="12" r="8.5"/><path d="M12 11v5M12 8h.01"/>`,
  energy: svg`<path d="M13 3 5.5 13.5h5L10 21l8-11h-5.5z"/>`,
  upload: svg`<path d="M7 18.5a4 4 0 0 1-.6-8A6 6 0 0 1 18 9.6a4.5 4.5 0 0 1-.5 8.9H15M12 20v-8M9 14.5l3-3 3 3"/>`,
  copy: svg`<rect x="8.5" y="8.5" width="11" height="11" rx="2"/><path d="M15.5 8.5v-2a2 2 0 0 0-2-2h-7a2 2 0 0 0-2 2v7a2 2 0 0 0 2 2h2"/>`,
  table: svg`<rect x="4" y="5" width="16" height="14" rx="2"/><path d="M4 10h16M4 14.5h16M10 10v9"/>`,
};

export const icon = (name, extra = '') =>
  html`<svg class="i ${extra}" viewBox="0 0 24 24" aria-hidden="true">${shapes[name] ?? shapes.device}</svg>`;

export const brand = html`<svg class="mark" viewBox="0 0 28 28" aria-hidden="true"><rect width="28" height="28" rx="8"/><path d="M5.5 18.5C9 18.5 9 9.5 14 9.5s5 9 8.5 9M5.5 21.8h17"/></svg>`;
