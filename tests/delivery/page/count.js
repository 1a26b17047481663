// Counts what a page holds, by standing in front of the browser's own: wasm memory, sockets and timers. It runs before
// any module.

"use strict";

(() => {
  const sockets = new Set();
  const timers = new Set();
  const memories = new Set();
  const { setTimeout, clearTimeout, setInterval, clearInterval, WebSocket } = window;

  window.WebSocket = class extends WebSocket {
    constructor(...args) {
      super(...args);
      sockets.add(this);
    }
  };
  window.setTimeout = (handler, ...rest) => {
    const timer = setTimeout((...args) => {
      timers.delete(timer);
      handler(...args);
    }, ...rest);
    timers.add(timer);
    return timer;
  };
  window.setInterval = (...args) => {
    const timer = setInterval(...args);
    timers.add(timer);
    return timer;
  };
  window.clearTimeout = (timer) => {
    timers.delete(timer);
    clearTimeout(timer);
  };
  window.clearInterval = (timer) => {
    timers.delete(timer);
    clearInterval(timer);
  };

  const { Instance } = WebAssembly;
  WebAssembly.Instance = new Proxy(Instance, {
    construct(target, args) {
      const instance = new target(...args);
      // The package shortens its names.
      for (const item of Object.values(instance.exports)) if (item instanceof WebAssembly.Memory) memories.add(item);
      return instance;
    },
  });

  window.held = {
    /** The browser's own, which is not counted. */
    setTimeout,
    count() {
      for (const socket of sockets) if (socket.readyState === WebSocket.CLOSED) sockets.delete(socket);
      const isOpen = ({ readyState }) => readyState === WebSocket.OPEN || readyState === WebSocket.CONNECTING;
      return {
        open: [...sockets].filter(isOpen).length,
        closing: [...sockets].filter((socket) => !isOpen(socket)).length,
        timers: timers.size,
        wasm: [...memories].reduce((sum, { buffer }) => sum + buffer.byteLength, 0),
      };
    },
  };
})();
