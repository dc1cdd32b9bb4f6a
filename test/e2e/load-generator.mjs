/**
 * Sends GET requests at a steady rate, by turns on new and on keep-alive connections, until standard input ends; then
 * prints what became of them as one line of JSON. A process of its own, so that a test that is busy delays no request.
 *
 *   node load-generator.mjs REQUESTS_PER_SECOND URL...
 *
 * Every fourth request of each kind asks the hello image's server for an answer that takes a while, so that there is
 * always something in flight. No request is ever tried again.
 */
import http from 'node:http';

const [rate, ...urls] = process.argv.slice(2);
const perSecond = Number(rate);
const TIMEOUT_MS = 10_000;

const agents = {
  new: new http.Agent({ keepAlive: false }),
  // More than are needed at once, so that some of the connections are idle for a while.
  keepAlive: new http.Agent({ keepAlive: true, maxSockets: 50, scheduling: 'fifo' }),
};
const report = {
  new: { sent: 0, answered: 0 },
  keepAlive: { sent: 0, answered: 0, reused: 0 },
  versions: {},
  slowestMs: 0,
  failures: [],
};

function send(kind, url) {
  const count = report[kind];
  const startedMs = Date.now();
  const path = count.sent++ % 4 === 3 ? '/slow?ms=50' : '/';
  let request;
  let isOver = false;
  const end = (error) => {
    if (isOver) return;
    isOver = true;
    const tookMs = Date.now() - startedMs;
    report.slowestMs = Math.max(report.slowestMs, tookMs);
    if (kind === 'keepAlive' && request.reusedSocket) count.reused++;
    if (error === undefined) count.answered++;
    else
      report.failures.push({
        kind,
        url,
        path,
        at: new Date(startedMs).toISOString(),
        tookMs,
        error,
        reused: request.reusedSocket,
      });
  };
  request = http.get(new URL(path, url), { agent: agents[kind], timeout: TIMEOUT_MS }, (response) => {
    let body = '';
    response.on('data', (chunk) => (body += chunk));
    response.on('error', (error) => end(`while reading: ${error.message}`));
    response.on('end', () => {
      const version = /^version: (.*)$/m.exec(body)?.[1];
      if (version !== undefined) report.versions[version] = (report.versions[version] ?? 0) + 1;
      end(response.statusCode === 200 && response.complete ? undefined : `status ${response.statusCode}`);
    });
  });
  request.on('timeout', () => request.destroy(new Error('no answer in time')));
  request.on('error', (error) => end(`${error.code ?? ''} ${error.message}`));
}

const startedMs = performance.now();
let due = 0;
let turn = 0;
const timer = setInterval(() => {
  // By the clock: a late tick makes up for what is due.
  for (; due < ((performance.now() - startedMs) * perSecond) / 1000; due += 2) {
    const url = urls[turn++ % urls.length];
    send('new', url);
    send('keepAlive', url);
  }
}, 5);

process.stdin.resume();
process.stdin.on('end', async () => {
  clearInterval(timer);
  const isDone = () =>
    report.new.answered + report.keepAlive.answered + report.failures.length ===
    report.new.sent + report.keepAlive.sent;
  while (!isDone()) await new Promise((resolve) => setTimeout(resolve, 20));
  process.stdout.write(`${JSON.stringify({ ...report, seconds: (performance.now() - startedMs) / 1000 })}\n`, () =>
    process.exit(0),
  );
});
