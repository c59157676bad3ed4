// Numbers, units and times as the language writes them. What is not known is a dash, never 0.

import { lang, t } from './i18n.js';

export const DASH = '—';
const THIN = '\u202f';
let zone;
const made = new Map();

/** The house's own time zone: days are its days, wherever the page is looked at. */
export function setZone(name) {
  try { new Intl.DateTimeFormat('en', { timeZone: name }); zone = name; } catch { zone = undefined; }
  made.clear();
}

// The browser's own region where it speaks our language: 14 June in Britain, June 14 in America.
const locale = () => navigator.languages.find((one) => one.slice(0, 2) === lang) ?? lang;

function cached(kind, options) {
  const key = lang + kind.name + JSON.stringify(options);
  if (!made.has(key)) made.set(key, new kind(locale(), options));
  return made.get(key);
}

export function number(value, decimals = 0) {
  if (value == null || Number.isNaN(value)) return DASH;
  const rounded = Number(value.toFixed(decimals)) === 0 ? 0 : value;
  const form = cached(Intl.NumberFormat, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  return form.format(rounded).replace('-', '−');
}

/** A number and its unit, kept apart so that each can have its own size. */
export const join = ({ text, unit }) => (unit ? text + THIN + unit : text);

export function power(watts, inKw = watts != null && Math.abs(watts) >= 1000) {
  if (watts == null) return { text: DASH, unit: '' };
  return inKw ? { text: number(watts / 1000, 2), unit: 'kW' } : { text: number(watts), unit: 'W' };
}

export function energy(wh) {
  if (wh == null) return { text: DASH, unit: '' };
  if (Math.abs(wh) >= 9_999_500) return { text: number(wh / 1e6, 2), unit: 'MWh' };
  if (Math.abs(wh) < 5) return { text: '0', unit: 'kWh' };
  const decimals = Math.abs(wh) >= 99_950 ? 0 : Math.abs(wh) < 950 ? 2 : 1;
  return { text: number(wh / 1000, decimals), unit: 'kWh' };
}

export const percent = (share) => (share == null ? DASH : number(share * 100) + THIN + '%');
export const money = (amount, currency) => (amount == null ? DASH
  : cached(Intl.NumberFormat, { style: 'currency', currency: currency || 'EUR' }).format(amount).replace('-', '−'));

/** A value of a device, as its description says; `exact` for registers as the device itself shows them. */
export function metricValue(value, metric, exact) {
  if (value == null) return { text: DASH, unit: '' };
  if (typeof value === 'boolean') return { text: t(value ? 'on' : 'off'), unit: '' };
  if (metric?.behavior === 'timestamp') return { text: moment(typeof value === 'number' ? value : Date.parse(value) / 1000), unit: '' };
  if (typeof value !== 'number') return { text: value, unit: '' };
  if (exact && metric?.behavior === 'lifetime' && metric.unit === 'kWh') return { text: number(value, metric.decimals), unit: 'kWh' };
  if (metric?.unit === 'W') return power(value);
  if (metric?.unit === 'Wh') return energy(value);
  if (metric?.unit === 'kWh') return energy(value * 1000);
  if (metric?.unit === 'min') return { text: duration(value * 60), unit: '' };
  const decimals = metric?.decimals ?? (Number.isInteger(value) ? 0 : 2);
  return { text: number(value, metric?.unit === '%' ? Math.min(decimals, value % 1 ? 1 : 0) : decimals), unit: metric?.unit ?? '' };
}

const date = (at, options) => cached(Intl.DateTimeFormat, { timeZone: zone, ...options }).format(at * 1000);
export const clock = (at, seconds) => date(at, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', ...(seconds && { second: '2-digit' }) });
export const moment = (at) => (dayOf(at) === dayOf(Date.now() / 1000) ? clock(at)
  : date(at, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }));
/** Minutes since the house's midnight. */
export function localMinutes(at) {
  const [hour, minute] = clock(at).split(/\D+/).map(Number);
  return hour * 60 + minute;
}
/** The house's day that a moment belongs to, as the API writes days. */
export const dayOf = (at) => new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(at * 1000);

// Dates without a time are counted in UTC, where every day has 24 hours.
const utc = (day) => Date.parse(`${day}T00:00:00Z`);
export const addDays = (day, n) => new Date(utc(day) + n * 864e5).toISOString().slice(0, 10);
export function addMonths(day, n) {
  const [year, month] = day.split('-').map(Number);
  return new Date(Date.UTC(year, month - 1 + n, 1)).toISOString().slice(0, 10);
}
export const daysBetween = (from, to) => Math.round((utc(to) - utc(from)) / 864e5);
export const dateText = (day, options = { weekday: 'long', day: 'numeric', month: 'long' }) =>
  cached(Intl.DateTimeFormat, { timeZone: 'UTC', ...options }).format(utc(day));

export function duration(seconds) {
  const minutes = Math.round(seconds / 60);
  if (seconds < 90) return t('dur.s', { n: Math.max(0, Math.round(seconds)) });
  if (minutes < 120) return t('dur.min', { n: minutes });
  if (minutes < 48 * 60) return t('dur.h', { n: Math.round(minutes / 60) });
  return t('dur.d', { n: Math.round(minutes / 1440) });
}

export function ago(seconds) {
  if (seconds < 1.5) return t('age.now');
  if (seconds < 60) return t('age.ago', { t: t('dur.s', { n: seconds < 10 ? Math.round(seconds) : Math.floor(seconds / 10) * 10 }) });
  return t('age.ago', { t: duration(seconds) });
}
