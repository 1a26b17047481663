// Serves the page and the npm package, and passes what begins with /server/ on, so that the page can be reloaded while
// the server is away.

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = fileURLToPath(new URL("..", import.meta.url));
const ROOTS = { page: join(HERE, "page"), pkg: join(HERE, "../../pkg") };
const TYPES = {
  ".html": "text/html",
  ".mjs": "text/javascript",
  ".js": "text/javascript",
};

export class Site {
  #server;

  /** `server` is the origin of the server behind /server/. */
  static async start(server) {
    const site = new Site();
    site.#server = createServer((request, response) =>
      serve(server, request, response).catch(() => response.writeHead(502).end()),
    ).listen(0, "127.0.0.1");
    await once(site.#server, "listening");
    site.origin = `http://127.0.0.1:${site.#server.address().port}`;
    return site;
  }

  stop() {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

async function serve(server, { method, url }, response) {
  const path = new URL(url, "http://site").pathname;
  if (path.startsWith("/server/")) {
    const answer = await fetch(server + path.slice("/server".length), { method });
    return response.writeHead(answer.status).end(await answer.text());
  }
  const [, folder, ...rest] = path.split("/");
  const file = normalize(join("/", rest.join("/")));
  if (!Object.hasOwn(ROOTS, folder)) return response.writeHead(404).end();
  const body = await readFile(join(ROOTS[folder], file)).catch(() => undefined);
  if (!body) return response.writeHead(404).end();
  const headers = { "Content-Type": TYPES[extname(file)] ?? "text/plain", "Cache-Control": "no-store" };
  response.writeHead(200, headers).end(body);
}
