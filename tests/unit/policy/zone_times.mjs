// SPDX-License-Identifier: MIT
// Runs the program named first and compares each line, "<zone> <seconds> <local time> <weekday>", with this engine's.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const LINES_MIN = 20_000;
const formats = new Map();
let lines = 0;
let wrong = 0;
let ended = false;

function formatOf(zone) {
  if (!formats.has(zone)) {
    const two = "2-digit";
    const parts = { year: "numeric", month: two, day: two, hour: two, minute: two, second: two, weekday: "short" };
    formats.set(zone, new Intl.DateTimeFormat("en-US", { timeZone: zone, hourCycle: "h23", ...parts }));
  }
  return formats.get(zone);
}

function local(zone, seconds) {
  const part = {};
  for (const { type, value } of formatOf(zone).formatToParts(new Date(seconds * 1000))) part[type] = value;
  const date = `${part.year}-${part.month}-${part.day}`;
  return `${date}T${part.hour}:${part.minute}:${part.second} ${part.weekday.toLowerCase()}`;
}

function check(line) {
  const [zone, seconds, time, weekday] = line.split(" ");
  const expected = local(zone, Number(seconds));
  lines++;
  if (`${time} ${weekday}` === expected) return;
  wrong++;
  if (wrong <= 20) console.error(`${zone} ${seconds}: ${time} ${weekday} instead of ${expected}`);
}

const program = spawn(process.argv[2], { stdio: ["ignore", "pipe", "inherit"] });
const closed = new Promise((resolve) => program.on("close", resolve));
for await (const line of createInterface({ input: program.stdout })) {
  if (line === "end") ended = true;
  else check(line);
}
const status = await closed;
console.log(`${lines} times, ${wrong} wrong`);
process.exitCode = status === 0 && ended && lines >= LINES_MIN && wrong === 0 ? 0 : 1;
