// Home Assistant's ingress as far as a page can tell: a prefix that is stripped, Accept-Encoding taken away, answers with a length passed on
// whole, others streamed. `old` compresses streams of events too, as Home Assistant did until 2026: then nothing comes through for long.

import http from 'node:http';
import { createGzip } from 'node:zlib';
import { atEnd } from './tools.mjs';

export const PREFIX = '/api/hassio_ingress/Zx81-token_of_a_session';
const HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'host', 'accept-encoding']);
const kept = (headers) => Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP.has(name)));

export async function ingress(upstream, { old = false } = {}) {
  const to = new URL(upstream);
  const server = http.createServer((request, response) => {
    if (!request.url.startsWith(`${PREFIX}/`)) { response.writeHead(404).end('outside of ingress'); return; }
    const forward = http.request({
      host: to.hostname, port: to.port, method: request.method, path: request.url.slice(PREFIX.length),
      headers: { ...kept(request.headers), host: to.host, 'x-ingress-path': PREFIX },
    }, (answer) => {
      const headers = kept(answer.headers);
      const type = String(headers['content-type'] ?? '');
      if (headers['content-length'] == null && /^application\/.*(json|xml|javascript)/.test(type) | (old && type.startsWith('text/event-stream'))) {
        response.writeHead(answer.statusCode, { ...headers, 'content-encoding': 'gzip' });
        answer.pipe(createGzip()).pipe(response);
      } else {
        response.writeHead(answer.statusCode, headers);
        response.flushHeaders();
        answer.pipe(response);
      }
      response.on('close', () => answer.destroy());
    });
    forward.on('error', () => { if (!response.headersSent) response.writeHead(502); response.end(); });
    request.pipe(forward);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(async () => { server.closeAllConnections(); server.close(); });
  return `http://127.0.0.1:${server.address().port}${PREFIX}/`;
}
