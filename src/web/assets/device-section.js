// What may stand in a section of the configuration file, and such a section as text.

/** The field that a key gets, by its schema: {key, shape, …}; null where it is better written in the editor. */
export function field(key, schema, whole) {
  const it = resolve(schema, whole);
  const types = [it.type].flat().filter((one) => one && one !== 'null');
  const base = { key, about: schema.description ?? it.description ?? '', usual: schema.default ?? it.default ?? null };
  if (it.format === 'secret') return { ...base, shape: 'secret' };
  const options = (it.enum ?? it.oneOf?.map((one) => one.const))?.filter((one) => typeof one === 'string');
  if (options?.length) return { ...base, shape: 'choice', options };
  if (types.includes('array')) {
    const items = resolve(it.items ?? {}, whole);
    if (items.type === 'string') return { ...base, shape: 'list' };
    return items.properties ? { ...base, shape: 'rows', fields: fields(items, whole) } : null;
  }
  if (types.includes('object')) {
    const value = it.additionalProperties;
    const kinds = [value?.type].flat();
    return value && kinds.some((one) => ['string', 'number'].includes(one))
      ? { ...base, shape: 'pairs', secret: value.format === 'secret', number: !kinds.includes('string') } : null;
  }
  if (types.includes('boolean')) return { ...base, shape: 'switch' };
  if (types.includes('string')) return { ...base, shape: 'text' };
  return types.some((one) => ['integer', 'number'].includes(one)) ? { ...base, shape: 'number', whole: !types.includes('number') } : null;
}

export const fields = (schema, whole = schema) => Object.entries(schema.properties ?? {}).map(([key, one]) => field(key, one, whole)).filter(Boolean);

const resolve = (schema, whole) => (schema.$ref ? { ...whole.$defs?.[schema.$ref.split('/').pop()], ...schema } : schema);

/** What was typed into a field, as a value of the file; undefined where nothing was. */
export function typed(one, value) {
  switch (one.shape) {
    case 'switch': return value == null || value === one.usual ? undefined : value;
    case 'list': { const all = (value ?? '').split(/[\s,;]+/).filter(Boolean); return all.length ? all : undefined; }
    case 'pairs': {
      const all = (value ?? []).filter(([name, of]) => name.trim() && of.trim()).map(([name, of]) => [name.trim(), one.number ? number(of) : one.secret ? of : of.trim()]);
      return all.length ? Object.fromEntries(all) : undefined;
    }
    case 'rows': {
      const all = (value ?? []).map((row) => values(one.fields, row)).filter((row) => Object.keys(row).length);
      return all.length ? all : undefined;
    }
    // A blank may be a part of it.
    case 'secret': return value?.trim() ? value : undefined;
    default: {
      const words = (value ?? '').trim();
      if (!words) return undefined;
      const it = one.shape === 'number' ? number(words) : words;
      return it === one.usual ? undefined : it;
    }
  }
}

export const values = (all, given) => Object.fromEntries(all.map((one) => [one.key, typed(one, given[one.key])]).filter(([, value]) => value !== undefined));

// What is no number stays as it is, as does one that would become another: the checker says so.
function number(words) {
  const plain = words.trim().replace(',', '.');
  if (!/^[+-]?\d+(\.\d+)?$/.test(plain)) return words;
  const it = Number(plain);
  return Number.isSafeInteger(Math.trunc(it)) ? it : words;
}

const name = (key) => (/^[A-Za-z0-9_-]+$/.test(key) ? key : text(key));

// Patterns are full of backslashes, which single quotes leave alone.
function text(words) {
  if (words.includes('\\') && !/['\u0000-\u001f\u007f]/.test(words)) return `'${words}'`;
  return JSON.stringify(words).replaceAll('\u007f', '\\u007f');
}

function written(value) {
  if (typeof value === 'string') return text(value);
  if (Array.isArray(value)) return `[${value.map(written).join(', ')}]`;
  if (typeof value === 'object') return `{ ${Object.entries(value).map(([key, of]) => `${name(key)} = ${written(of)}`).join(', ')} }`;
  return String(value);
}

/** The section as it comes to stand in the file. */
export const section = (kind, given) => `[[${kind}]]\n${Object.entries(given).map(([key, value]) => `${name(key)} = ${written(value)}\n`).join('')}`;

/** A text with one more section at its end. */
export const appended = (before, more) => (before.trim() ? `${before.trimEnd()}\n\n${more}` : more);
