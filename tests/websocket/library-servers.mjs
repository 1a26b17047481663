// The real servers of the libraries, on paths of one site.

import { docs, setupWSConnection } from "@y/websocket-server/utils";
import { Aedes } from "aedes";
import { buildSchema } from "graphql";
import { useServer } from "graphql-ws/use/ws";
import { createWebSocketStream } from "ws";

import { Site } from "./site.mjs";

const SCHEMA = buildSchema("type Query { hello: String } type Subscription { ticks: Int }");
const TICK_MS = 20;

/** A site with graphql-ws on /graphql, y-websocket's server on /y and aedes on /mqtt. */
export async function startLibraries() {
  const broker = await Aedes.createBroker();
  const site = await Site.start({
    "/graphql": { options: { handleProtocols: (offered) => offered.has("graphql-transport-ws") && "graphql-transport-ws" } },
    "/y": { connected: (socket, request) => setupWSConnection(socket, request, { docName: request.url.slice(3) }) },
    "/mqtt": { options: { handleProtocols: () => "mqtt" }, connected: (socket, request) => broker.handle(createWebSocketStream(socket), request) },
  });
  useServer({ schema: SCHEMA, roots: { query: { hello: () => "world" }, subscription: { ticks } } }, site.at("/graphql"));
  const stop = async () => {
    await site.stop();
    // They keep timers.
    for (const doc of docs.values()) doc.destroy();
    await new Promise((resolve) => broker.close(resolve));
  };
  return { site, stop };
}

async function* ticks() {
  for (let tick = 0; ; tick++) {
    yield { ticks: tick };
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
}
