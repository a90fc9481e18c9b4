// SPDX-License-Identifier: MIT
// Checks an exported or archived audit trail with none of the gateway's code:
//   node verify-trail.mjs TRAIL.jsonl [--key PUBLIC.pem] [--checkpoints KEPT.jsonl]
// Exit code 0: it holds; 1: it does not, and the first bad row is named. What it checks is described in audit.md.
import { createHash, createPublicKey, verify } from "node:crypto";
import { createReadStream, readFileSync } from "node:fs";

const [file, ...options] = process.argv.slice(2);
const option = (name) => (options.includes(name) ? readFileSync(options[options.indexOf(name) + 1], "utf8") : "");
const key = option("--key") && createPublicKey(option("--key"));
const read = (line) => { try { return JSON.parse(line); } catch { console.log(`Passed over: ${line}`); } };
const kept = option("--checkpoints").split("\n").filter(Boolean).map(read).filter(Boolean);
const bad = (row, why) => process.exit(console.log(`Row ${row} is bad: ${why}`) ?? 1);

// What is signed is {"hash":…,"link":…,"seq":…,"time":…}, the members in this order and without any space.
function check(checkpoint, hash) {
  const { link, seq, time } = checkpoint;
  const text = Buffer.from(JSON.stringify({ hash: checkpoint.hash, link, seq, time }));
  if (checkpoint.hash !== hash) bad(seq, `it is not the row that was signed on ${time}`);
  if (key && !verify(null, text, key, Buffer.from(checkpoint.signature, "base64"))) bad(seq, "a bad signature");
}

// {"event_hash":"…","row":{…}}: the hash is that of the bytes of the row, just as they stand there.
const rowLine = /^\{"event_hash":"([0-9a-f]{64})","row":(\{.*\})\}$/s;
const checkpointLine = /^\{"checkpoint":(\{.*\})\}$/;
let head, seq, previous, first;
const checkKept = () => kept.filter((checkpoint) => checkpoint.seq === seq).forEach((each) => check(each, previous));
async function* lines(rest = "") {
  for await (const chunk of createReadStream(file, "utf8")) {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop();
    yield* parts;
  }
  if (rest) yield rest;
}
for await (const line of lines()) {
  if (!head) {
    head = JSON.parse(line);
    if (head.trail !== "oppd") bad(1, "this is no audit trail");
    [seq, first, previous] = [head.from - 1, head.from, head.previous];
    checkKept();
    continue;
  }
  const [, signed] = checkpointLine.exec(line) ?? [];
  if (signed) {
    if (JSON.parse(signed).seq !== seq) bad(seq, "behind it stands a checkpoint of another row");
    check(JSON.parse(signed), previous);
    continue;
  }
  const [, hash, bytes] = rowLine.exec(line) ?? bad(seq + 1, "there is no row");
  seq += 1;
  if (createHash("sha256").update(bytes).digest("hex") !== hash) bad(seq, "its bytes do not have its hash");
  const row = JSON.parse(bytes);
  if (row.seq !== seq) bad(seq, `it has the number ${row.seq}`);
  if (row.prev_event_hash !== previous) bad(seq, "it does not follow the row before");
  previous = hash;
  checkKept();
}
if (!head) bad(1, "the file is empty");
if (seq !== head.to) bad(seq + 1, `the rows up to ${head.to} are missing`);
const cut = kept.find((checkpoint) => checkpoint.seq > seq);
if (cut) bad(seq + 1, `the rows up to ${cut.seq} are missing: that one was signed on ${cut.time}`);
console.log(`The trail holds: rows ${first} to ${seq}.`);
