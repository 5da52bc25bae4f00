// Drives every call of the package toxiproxy-node-client against a fault proxy: node.js URL
"use strict";

const assert = require("node:assert/strict");
const net = require("node:net");
const { Toxiproxy, ToxiproxyError } = require("toxiproxy-node-client");
const { createToxic } = require("toxiproxy-node-client/dist/TestHelper");

// The attributes are those that the API answers, defaults included.
const TOXICS = {
  latency: { latency: 20, jitter: 5 },
  bandwidth: { rate: 1000 },
  slow_close: { delay: 10 },
  timeout: { timeout: 1000 },
  reset_peer: { timeout: 1000 },
  slicer: { average_size: 64, size_variation: 16, delay: 10 },
  limit_data: { bytes: 1000 },
};

const portOf = (listen) => Number(listen.slice(listen.lastIndexOf(":") + 1));

function echoServer() {
  const server = net.createServer((socket) => socket.on("error", () => {}).pipe(socket));
  return new Promise((done) => server.listen(0, "127.0.0.1", () => done(server)));
}

// How long one byte takes there and back, in milliseconds.
function echoed(listen) {
  return new Promise((done, failed) => {
    const start = performance.now();
    const socket = net.connect(portOf(listen), "127.0.0.1", () => socket.write("x"));
    socket.on("error", failed);
    socket.on("data", () => {
      socket.destroy();
      done(performance.now() - start);
    });
  });
}

const fails = (call, status) =>
  assert.rejects(call, (error) => {
    assert.ok(error instanceof ToxiproxyError, String(error));
    assert.equal(error.message, `Request failed with status code ${status}`);
    return true;
  });

async function serverCalls(toxiproxy, upstream) {
  assert.ok(toxiproxy.getApi());
  assert.match(await toxiproxy.getVersion(), /^\{"version": "2\./);
  assert.deepEqual(await toxiproxy.getAll(), {});
  await fails(toxiproxy.get("absent"), 404);

  const proxy = await toxiproxy.createProxy({ listen: "localhost:0", name: "echo", upstream });
  assert.deepEqual([proxy.name, proxy.upstream, proxy.enabled], ["echo", upstream, true]);
  assert.notEqual(portOf(proxy.listen), 0);
  await echoed(proxy.listen);
  await fails(toxiproxy.createProxy({ listen: "localhost:0", name: "echo", upstream }), 409);
  await fails(toxiproxy.createProxy({ listen: "localhost:0", name: "", upstream }), 400);
  await fails(toxiproxy.createProxy({ listen: proxy.listen, name: "same port", upstream }), 500);

  const all = await toxiproxy.populate([
    { name: "echo", listen: proxy.listen, upstream },
    { name: "second", listen: "127.0.0.1:0", upstream },
  ]);
  assert.deepEqual(Object.keys(all), ["echo", "second"]);
  assert.equal(all.echo.listen, proxy.listen);
  await fails(toxiproxy.populate([{ name: "third", listen: "127.0.0.1:0" }]), 400);
  assert.deepEqual(Object.keys(await toxiproxy.getAll()), ["echo", "second"]);
  assert.equal((await toxiproxy.get("second")).upstream, upstream);

  await all.second.remove();
  await fails(all.second.remove(), 404);
  await proxy.remove();
  assert.deepEqual(await toxiproxy.getAll(), {});
}

async function proxyCalls(toxiproxy, upstream) {
  const proxy = await toxiproxy.createProxy({ listen: "localhost:0", name: "echo", upstream });
  assert.equal(proxy.getToxiproxy(), toxiproxy);
  assert.equal(proxy.getHost(), toxiproxy.host);
  assert.equal(proxy.getPath(), `${toxiproxy.host}/proxies/echo`);
  const { listen } = proxy;
  assert.deepEqual(proxy.toJson(), { enabled: true, listen, name: "echo", upstream });

  const off = await proxy.update({ enabled: false, listen, upstream });
  assert.equal(off.enabled, false);
  await assert.rejects(echoed(listen), { code: "ECONNREFUSED" });
  const on = await proxy.update({ enabled: true, listen, upstream });
  assert.deepEqual(on.toJson(), proxy.toJson());
  await echoed(listen);
  await proxy.remove();
}

async function toxicCalls(toxiproxy, upstream) {
  const proxy = await toxiproxy.createProxy({ listen: "localhost:0", name: "echo", upstream });
  for (const [type, attributes] of Object.entries(TOXICS)) {
    for (const stream of ["upstream", "downstream"]) {
      const body = { attributes, name: `${type} toxic`, stream, toxicity: 0.5, type };
      const toxic = await proxy.addToxic(body);
      assert.deepEqual(toxic.toJson(), body);
      assert.equal(toxic.getPath(), `${proxy.getPath()}/toxics/${type} toxic`);
      assert.deepEqual((await proxy.getToxic(toxic.name)).toJson(), body);
      await toxic.remove();
      await fails(toxic.remove(), 404);
    }
  }

  const toxic = await createToxic(proxy, "latency", { latency: 1 });
  assert.equal(toxic.name, "latency_downstream");
  const slower = await toxic.update({ ...toxic.toJson(), attributes: { latency: 200 } });
  assert.deepEqual(slower.attributes, { latency: 200, jitter: 0 });
  assert.ok((await echoed(proxy.listen)) >= 200);
  await fails(proxy.addToxic({ ...toxic.toJson() }), 409);
  await fails(proxy.addToxic({ type: "slowness" }), 400);
  await fails(proxy.addToxic({ type: "latency", stream: "side" }), 400);
  await fails(proxy.getToxic("absent"), 404);

  await proxy.update({ enabled: false });
  await toxiproxy.reset();
  assert.equal((await toxiproxy.get("echo")).enabled, true);
  await fails(proxy.getToxic(toxic.name), 404);
  await echoed(proxy.listen);
  await proxy.remove();
}

async function main() {
  const server = await echoServer();
  const upstream = `127.0.0.1:${server.address().port}`;
  const toxiproxy = new Toxiproxy(process.argv[2]);
  await serverCalls(toxiproxy, upstream);
  await proxyCalls(toxiproxy, upstream);
  await toxicCalls(toxiproxy, upstream);
  console.log("every call did what it says");
  server.close();
  process.exit(0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
