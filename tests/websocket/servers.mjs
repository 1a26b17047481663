// What the other side of the table's sockets does, by path.

/** Closes with the code and reason of the query; without a code, with an empty close frame. */
function close(socket, { url }) {
  const query = new URL(url, "http://any").searchParams;
  if (query.has("code")) socket.close(Number(query.get("code")), query.get("reason") ?? "");
  else socket.close();
}

function echo(socket) {
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
}

/** How those on `/told` were closed, by the name in their query. */
const ended = new Map();

function named({ url }) {
  return new URL(url, "http://any").searchParams.get("name");
}

export const servers = {
  "/echo": { connected: echo },
  "/told": {
    connected(socket, request) {
      const list = ended.get(named(request)) ?? [];
      ended.set(named(request), list);
      socket.on("close", (code, reason) => list.push([code, String(reason)]));
    },
  },
  "/ended": { connected: (socket, request) => socket.send(JSON.stringify(ended.get(named(request)))) },
  "/close": { connected: close },
  "/drop": { connected: (socket) => socket.terminate() },
  "/burst": {
    connected(socket) {
      for (const data of ["first", Buffer.from([1, 2]), "last"]) socket.send(data);
      socket.close(1000, "done");
    },
  },
  "/second": {
    options: { handleProtocols: (protocols) => [...protocols][1] ?? false },
    connected: echo,
  },
  "/none": { options: { handleProtocols: () => false }, connected: echo },
};
