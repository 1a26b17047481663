// The libraries in a page, each on our class.

import { ExactWebSocket, WebSocket } from "everwire/websocket";
import { createClient } from "graphql-ws";
import mqtt from "mqtt";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";

const CLASSES = { ExactWebSocket, WebSocket };

/** What was seen so far, for the test to wait on. */
window.seen = {};

window.libraries = {
  graphql(name) {
    const seen = (window.seen.graphql = { connected: 0, closed: 0, ticks: [], hello: undefined, failed: undefined });
    const client = createClient({
      url: `ws://${location.host}/graphql`,
      webSocketImpl: CLASSES[name],
      retryWait: () => Promise.resolve(),
      on: { connected: () => seen.connected++, closed: () => seen.closed++ },
    });
    const failed = (error) => (seen.failed = String(error));
    client.subscribe({ query: "{ hello }" }, { next: ({ data }) => (seen.hello = data.hello), error: failed, complete() {} });
    client.subscribe({ query: "subscription { ticks }" }, {
      next: ({ data }) => seen.ticks.push([seen.connected, data.ticks]),
      error: failed,
      complete() {},
    });
    return () => client.dispose();
  },

  y(name) {
    const docs = [new Y.Doc(), new Y.Doc()];
    const seen = (window.seen.y = { synced: [0, 0], texts: () => docs.map((doc) => doc.getText("t").toString()) });
    const providers = docs.map((doc, index) => {
      const provider = new WebsocketProvider(`ws://${location.host}/y`, name, doc, {
        WebSocketPolyfill: CLASSES[name],
        // Else the two talk to each other without a server.
        disableBc: true,
      });
      provider.on("sync", (synced) => synced && seen.synced[index]++);
      return provider;
    });
    window.write = (index, text) => docs[index].getText("t").insert(0, text);
    return () => providers.forEach((provider) => provider.destroy());
  },

  mqtt(name) {
    const seen = (window.seen.mqtt = { connected: 0, got: [], failed: undefined });
    const client = mqtt.connect(`ws://${location.host}/mqtt`, {
      createWebsocket: (url, protocols) => new CLASSES[name](url, protocols),
      reconnectPeriod: 20,
      clean: false,
      clientId: `page-${name}`,
    });
    client.on("connect", () => seen.connected++);
    client.on("message", (topic, payload) => seen.got.push(`${topic}: ${payload}`));
    client.on("error", (error) => (seen.failed = String(error)));
    client.subscribe("rooms/#", { qos: 1 });
    window.publish = (text) => client.publish("rooms/one", text, { qos: 1 });
    return () => client.end(true);
  },
};
