// SPDX-License-Identifier: MIT
// Runs the program named first and compares each line, "<16 hex digits> <text>", with what this engine prints.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const LINES_MIN = 1_000_000;
const view = new DataView(new ArrayBuffer(8));
let lines = 0;
let wrong = 0;
let ended = false;

function check(line) {
  view.setUint32(0, parseInt(line.slice(0, 8), 16));
  view.setUint32(4, parseInt(line.slice(8, 16), 16));
  const expected = String(view.getFloat64(0));
  lines++;
  if (line.slice(17) === expected) return;
  wrong++;
  if (wrong <= 20) console.error(`${line.slice(0, 16)}: ${line.slice(17)} instead of ${expected}`);
}

const program = spawn(process.argv[2], { stdio: ["ignore", "pipe", "inherit"] });
const closed = new Promise((resolve) => program.on("close", resolve));
for await (const line of createInterface({ input: program.stdout })) {
  if (line === "end") ended = true;
  else check(line);
}
const status = await closed;
console.log(`${lines} numbers, ${wrong} wrong`);
process.exitCode = status === 0 && ended && lines >= LINES_MIN && wrong === 0 ? 0 : 1;
