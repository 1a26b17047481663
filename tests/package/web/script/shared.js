window.report = new Promise((resolve, reject) => {
  const worker = new SharedWorker("./shared-worker.js", { type: "module" });
  worker.onerror = () => reject(new Error("the shared worker did not start"));
  worker.port.onmessage = ({ data }) => resolve(data);
  worker.port.postMessage(window.settings);
});
