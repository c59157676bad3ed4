// The one way to the server. All addresses are relative to the page, so that it works behind any prefix.

const root = new URL('api/v1/', document.baseURI.split('#')[0]);

/** What the server said when it could not: its words, its advice, and the status (0: no answer at all). */
export class Refusal extends Error {
  constructor(status, body) {
    super(body?.error || '');
    this.status = status;
    this.hint = body?.hint || '';
    this.body = body;
  }
}

export const address = (path) => new URL(path, root).href;

async function ask(path, options = {}, seconds = 30) {
  let response;
  try {
    response = await fetch(address(path), { ...options, signal: options.signal ?? AbortSignal.timeout(seconds * 1000) });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Refusal(0, null);
  }
  if (response.ok) return response;
  throw new Refusal(response.status, await response.json().catch(() => null));
}

export const get = async (path, signal) => (await ask(path, { signal })).json();
export const getText = async (path) => (await ask(path)).text();

/** A change: the two headers tell it from what another page could make a browser send. */
export async function send(method, path, body, { raw = false, seconds = 30, signal } = {}) {
  const headers = { 'X-Wattbridge': '1', 'Content-Type': raw ? 'application/octet-stream' : 'application/json' };
  return ask(path, { method, headers, body: raw ? body : JSON.stringify(body ?? {}), signal }, seconds);
}

export const change = async (method, path, body) => {
  const text = await (await send(method, path, body)).text();
  return text ? JSON.parse(text) : {};
};

/** `?a=1&b=2` of what is not null. */
export function query(values) {
  const text = new URLSearchParams(Object.entries(values).filter(([, v]) => v != null && v !== '')).toString();
  return text && `?${text.replaceAll('%2F', '/').replaceAll('%2C', ',')}`;
}

/** Lets the browser keep a file that is in memory or at an address of ours. */
export function download(name, content) {
  const link = document.createElement('a');
  const made = typeof content === 'string' ? null : URL.createObjectURL(content);
  link.href = made ?? content;
  link.download = name;
  link.click();
  if (made) setTimeout(() => URL.revokeObjectURL(made), 10_000);
}
