// Words: keys in the code, one file for each language, placeholders in braces.

const LANGUAGES = ['en', 'de', 'fr'];
let words = {};
let plural = new Intl.PluralRules('en');
export let lang = 'en';

/** Named by themselves, as a list of languages is read by who does not speak the one that is shown. */
export const NAMES = { en: 'English', de: 'Deutsch', fr: 'Français' };

const stored = () => { try { return localStorage.getItem('wattbridge.lang'); } catch { return null; } };

/** Chosen here, else the browser's, else the house's. */
export function pickLanguage(house) {
  const wanted = [stored(), ...navigator.languages.map((one) => one.slice(0, 2)), house];
  return wanted.find((one) => LANGUAGES.includes(one)) ?? 'en';
}

export const chosenLanguage = () => (LANGUAGES.includes(stored()) ? stored() : '');

export async function loadWords(language) {
  const response = await fetch(new URL(`i18n/${language}.json`, import.meta.url));
  words = await response.json();
  lang = language;
  plural = new Intl.PluralRules(lang);
  document.documentElement.lang = lang;
}

export const has = (key) => key in words;

function template(key, values) {
  if (values && typeof values.n === 'number') {
    const one = `${key}.${plural.select(values.n)}`;
    if (one in words) return words[one];
  }
  return words[key] ?? words[`${key}.other`] ?? key;
}

/** The words of a key, as text. */
export function t(key, values) {
  const text = template(key, values);
  return values ? text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole) : text;
}

/** The same as a list, so that a value may be an element. */
export function parts(key, values) {
  return template(key, values).split(/\{(\w+)\}/).map((piece, i) => (i % 2 ? values[piece] ?? '' : piece));
}
