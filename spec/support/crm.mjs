// SPDX-License-Identifier: MIT
// A system that an adapter reaches: orders with versions, changed under an idempotency key, and what it has seen. How it
// behaves is told by POST /_mode; it prints its port.
import { createServer } from "node:http";

const orders = new Map();
const receipts = new Map(); // key → the order after its effect
const sends = {}, effects = {}, traces = {}; // traces: requests by the id of the trace that they are of
let mode = {}, reads = 0, asked = 0; // asked: what was to hang

// There is an order of every number.
function find(id) {
  const number = /^o(\d+)$/.exec(id);
  if (number && !orders.has(id)) add(id, "org_demo", Number(number[1]) * 10);
  return orders.get(id);
}

function add(id, org, total) { orders.set(id, { id, org_id: org, total, status: "open", version: 1 }); }
for (let i = 1; i <= 100; i++) find(`o${i}`);
add("x1", "org_other", 10);
add("with/slash and space", "org_demo", 7);

const etag = (order) => `${mode.weak ? "W/" : ""}"v${order.version}"`;

function answer(response, status, body, headers = {}) {
  response.writeHead(status, { "Content-Type": "application/json", ...headers });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}

function read(response, segments, url) {
  reads++;
  if (mode.read === "hang") return void asked++;
  if (mode.read === "close") return response.socket.destroy();
  if (typeof mode.read === "number") return answer(response, mode.read, { error: "told to" });
  if (segments.length === 1) {
    const org = url.searchParams.get("org"), most = Number(url.searchParams.get("most") ?? 3);
    const items = [...orders.values()].filter((order) => order.org_id === org).slice(0, most);
    return answer(response, 200, { items });
  }
  const order = find(segments[1]);
  if (!order) return answer(response, 404, { error: "no such order" });
  if (mode.read === "touch") response.on("finish", () => order.version++); // somebody else was faster
  if (mode.read === "last") server.close(); // nobody can connect any more
  answer(response, 200, order, { ETag: etag(order), ...(mode.read === "last" && { Connection: "close" }) });
}

function receipt(response, key, wanted) {
  if (mode.receipt === "hang") return void asked++;
  if (typeof mode.receipt === "number") return answer(response, mode.receipt, {});
  if (key === undefined) return answer(response, 200, { items: receipts.has(wanted) ? [receipts.get(wanted)] : [] });
  const order = receipts.get(key);
  answer(response, order ? 200 : 404, order ? { order } : { error: "no such effect" });
}

function apply(key, order, body) {
  effects[key] = (effects[key] ?? 0) + 1;
  Object.assign(order, { status: body.status, reason: body.reason, version: order.version + 1 });
  receipts.set(key, { ...order });
}

// Before the effect, or after it: nothing, a status, silence, or the end of the connection.
function misbehave(response, how) {
  if (how === "hang") return asked++, true;
  if (how === "close") return response.socket.destroy(), true;
  if (typeof how === "number") return answer(response, how, { error: "told to" }), true;
  return false;
}

function change(request, response, order, body) {
  const key = request.headers["idempotency-key"];
  sends[key] = (sends[key] ?? 0) + 1;
  if (misbehave(response, mode.before)) return;
  if (!order) return answer(response, 404, { error: "no such order" });
  const wanted = request.headers["if-match"];
  if (wanted !== undefined && wanted !== `"v${order.version}"`) return answer(response, 412, { error: "changed" });
  apply(key, order, body);
  if (misbehave(response, mode.after)) return;
  answer(response, 200, { order, key, echo: body }, { ETag: etag(order) });
}

function route(request, response, text) {
  const url = new URL(request.url, "http://localhost");
  const segments = url.pathname.split("/").slice(1).map(decodeURIComponent);
  const body = text === "" ? {} : JSON.parse(text);
  if (segments[0] === "_mode") { mode = body; return answer(response, 200, {}); }
  if (segments[0] === "_seen") return answer(response, 200, { sends, effects, reads, asked, traces });
  if (segments[0] === "_touch") { find(segments[1]).version++; return answer(response, 200, {}); }
  const trace = (request.headers.traceparent ?? "").split("-")[1];
  traces[trace] = (traces[trace] ?? 0) + 1;
  if (segments[0] === "effects") return receipt(response, segments[1], url.searchParams.get("key"));
  if (request.method === "GET" || request.method === "HEAD") return read(response, segments, url);
  change(request, response, find(segments[1]), body);
}

const server = createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => route(request, response, Buffer.concat(parts).toString()));
});
server.requestTimeout = server.headersTimeout = server.keepAliveTimeout = 0;
server.listen(Number(process.argv[2] ?? 0), "127.0.0.1", () => console.log(server.address().port));
