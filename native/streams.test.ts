import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { build, cannotRun, ControlClient, NetworkNamespace, Pod, Stream } from './pod-fixture.ts';
import type { Json } from './pod-fixture.ts';

const suite = cannotRun === undefined ? describe : describe.skip;
const STDIN = 0;
const STDIN_CLOSE = 1;
const RESIZE = 2;
const SIGNAL = 3;
const STDOUT = 16;
const STDERR = 17;
const ERROR = 19;

suite('native streams', () => {
  let pod: Pod;
  let main: string;
  const exec = (args: string[], more: Json = {}): Stream =>
    new Stream(pod.socketPath, { command: 'exec', container: main, args, ...more });
  const size = (rows: number, columns: number): Buffer =>
    Buffer.from([rows >> 8, rows & 255, columns >> 8, columns & 255]);

  beforeAll(async () => {
    build();
    pod = await new Pod().start();
    main = await pod.run(['sleep', '1000'], { env: ['FROM=container'], cwd: '/var' });
  }, 120_000);
  afterAll(() => pod.stop());

  describe('exec', () => {
    it('runs in the container, with its environment, and tells output and exit code', async () => {
      const stream = exec(['sh', '-c', 'echo $FROM $X; pwd; cat /proc/1/comm; echo err >&2; exit 5'], {
        env: ['X=exec'],
      });
      expect(await stream.answer).toMatchObject({ ok: true, result: { pid: expect.any(Number) } });
      expect(await stream.exit()).toEqual({ exitCode: 5 });
      expect(stream.output(STDOUT)).toBe('container exec\n/var\nsleep\n');
      expect(stream.output(STDERR)).toBe('err\n');
      await stream.closed;
    });

    const strace = spawnSync('strace', ['--version']).error === undefined ? it : it.skip;
    strace('tells that it runs before what it says, also when the monitor is late', async () => {
      // Without CAP_SYS_RESOURCE its start comes with a warning, and a report in two parts.
      const warned = await pod.run(['sleep', '1000'], { oomScoreAdj: -997 });
      const waits = ['-e', 'trace=epoll_wait,epoll_pwait', '-e', 'inject=epoll_wait,epoll_pwait:delay_enter=50000'];
      const delay = spawn('strace', ['-p', String(pod.ready['monitorPid']), '-o', '/dev/null', ...waits]);
      try {
        // By then all that the program did is there at once.
        await new Promise((resolve) => delay.stderr.once('data', resolve));
        const stream = new Stream(pod.socketPath, { command: 'exec', container: warned, args: ['echo', 'hi'] });
        expect(await stream.answer).toMatchObject({ ok: true });
        expect(await stream.exit()).toEqual({ exitCode: 0 });
        expect(stream.output(STDOUT)).toBe('hi\n');
      } finally {
        const ended = new Promise((resolve) => delay.once('exit', resolve));
        delay.kill();
        await ended;
      }
    });

    it('has the container namespaces, cgroup and no other descriptors', async () => {
      const script =
        'for n in net ipc uts pid mnt cgroup; do a=$(readlink /proc/1/ns/$n); b=$(readlink /proc/self/ns/$n); [ $a = $b ] || echo $n; done; cat /proc/self/cgroup | grep -v ":/$"; exec ls /proc/self/fd';
      const stream = exec(['sh', '-c', script]);
      await stream.exit();
      expect(stream.output(STDOUT)).toBe('0\n1\n2\n3\n');
    });

    it('passes stdin through, in both directions, megabytes of it', async () => {
      const stream = exec(['cat'], { stdin: true });
      const block = 'x'.repeat(65536);
      for (let i = 0; i < 64; i++) stream.send(STDIN, block);
      stream.send(STDIN_CLOSE);
      expect(await stream.exit()).toEqual({ exitCode: 0 });
      expect(stream.output(STDOUT).length).toBe(64 * 65536);
    });

    it('tells the exit code to a client that is still writing', async () => {
      for (let i = 0; i < 20; i++) {
        const stream = exec(['sh', '-c', 'exit 4'], { stdin: true });
        await stream.answer;
        const block = 'x'.repeat(65536);
        const writing = setInterval(() => stream.send(STDIN, block), 0);
        try {
          expect(await stream.exit()).toEqual({ exitCode: 4 });
        } finally {
          clearInterval(writing);
        }
        await stream.closed;
      }
    });

    it('a command that is not there is an error in the answer, and the connection can be used again', async () => {
      const client = new ControlClient(pod.socketPath);
      const error = await client.fails('exec', { container: main, args: ['nope'] });
      expect(error).toEqual({
        code: 'StartFailed',
        stage: 'exec',
        errno: 'ENOENT',
        message: 'exec: "nope": executable file not found in $PATH',
      });
      expect((await client.call('status'))['sandbox'].id).toBe('pod1');
      client.socket.destroy();
    });

    it('a timeout kills the command with what it started in its session', async () => {
      const stream = exec(['sh', '-c', 'sleep 77 & sleep 78'], { timeoutMs: 50 });
      expect(await stream.exit()).toEqual({ exitCode: 137, signal: 9, timedOut: true });
      const ps = exec(['ps']);
      await ps.exit();
      expect(ps.output(STDOUT)).not.toMatch(/sleep 7[78]/);
    });

    it('signals reach the command', async () => {
      const stream = exec(['sleep', '55']);
      await stream.answer;
      stream.send(SIGNAL, Buffer.from([15]));
      expect(await stream.exit()).toEqual({ exitCode: 143, signal: 15 });
    });

    it('gives a terminal that can be resized', async () => {
      const stream = exec(['sh', '-c', 'tty; stty size; read line; echo got $line; stty size'], {
        stdin: true,
        tty: true,
        ttySize: { rows: 30, columns: 90 },
      });
      await stream.outputMatches(/30 90/);
      stream.send(RESIZE, size(40, 120));
      stream.send(STDIN, 'hello\r');
      expect(await stream.exit()).toEqual({ exitCode: 0 });
      expect(stream.output(STDOUT)).toMatch(/^\/dev\/pts\/\d+\r\n30 90\r\nhello\r\ngot hello\r\n40 120\r\n$/);
    });

    it('another user can be asked for', async () => {
      const stream = exec(['id', '-un'], { user: { user: 'www' } });
      await stream.exit();
      expect(stream.output(STDOUT)).toBe('www\n');
    });

    it('a client that does not read stops the command and nothing else', async () => {
      const stream = exec(['yes', 'flood']);
      await stream.answer;
      stream.socket.pause();
      const before = await pod.client.call('status');
      for (let i = 0; i < 20; i++) await pod.client.call('status');
      expect(before['sandbox'].state).toBe('Ready');
      const { containers } = await pod.client.call('stats');
      expect(containers.length).toBeGreaterThan(0);
      stream.socket.destroy();
      const ps = exec(['sh', '-c', 'while ps | grep -q "[y]es flood"; do usleep 1000; done']);
      expect(await ps.exit()).toEqual({ exitCode: 0 });
    });

    it('the client going away ends the input', async () => {
      const stream = exec(['sh', '-c', 'cat > /dev/null; echo done > /tmp/ended'], {
        stdin: true,
        stdout: false,
        stderr: false,
      });
      await stream.answer;
      stream.socket.destroy();
      const check = exec(['sh', '-c', 'while ! test -f /tmp/ended; do usleep 1000; done']);
      expect(await check.exit()).toEqual({ exitCode: 0 });
    });

    it('fails in a container that has exited', async () => {
      const { status } = await pod.shell('true');
      expect(await pod.client.fails('exec', { container: status['id'], args: ['true'] })).toMatchObject({
        code: 'NotRunning',
      });
    });
  });

  describe('attach', () => {
    const attach = (container: string, more: Json = {}): Stream =>
      new Stream(pod.socketPath, { command: 'attach', container, ...more });

    it('several clients see output and exit; stdinOnce closes the input with the first', async () => {
      const id = await pod.run(['sh', '-c', 'read a; echo first $a; read b; echo second $b; cat; echo end; exit 9'], {
        stdin: true,
        stdinOnce: true,
      });
      const writer = attach(id, { stdin: true });
      const reader = attach(id);
      expect(await writer.answer).toMatchObject({ ok: true, result: { tty: false } });
      await reader.answer;
      writer.send(STDIN, 'one\n');
      await reader.outputMatches(/first one/);
      writer.send(STDIN, 'two\n');
      await writer.outputMatches(/second two/);
      writer.send(STDIN_CLOSE);
      expect(await reader.exit()).toEqual({ exitCode: 9 });
      expect(await writer.exit()).toEqual({ exitCode: 9 });
      expect(reader.output(STDOUT)).toBe('first one\nsecond two\nend\n');
      expect(pod.log(id, 'stdout')).toBe('first one\nsecond two\nend\n');
    });

    it('a terminal echoes, is logged as stdout, and has /dev/console', async () => {
      const id = await pod.run(['sh', '-c', 'tty; ls -l /dev/console | cut -c1; read a; stty size; exit 3'], {
        stdin: true,
        tty: true,
      });
      const stream = attach(id, { stdin: true });
      expect(await stream.answer).toMatchObject({ result: { tty: true } });
      while (!pod.log(id, 'stdout').includes('c\r')) await pod.client.call('status');
      await pod.client.call('resize', { container: id, rows: 11, columns: 22 });
      stream.send(STDIN, 'hi\r');
      expect(await stream.exit()).toEqual({ exitCode: 3 });
      expect(pod.log(id, 'stdout')).toBe('/dev/pts/0\r\nc\r\nhi\r\n11 22\r\n');
    });

    it('a client that is too slow is cut off; the log goes on', async () => {
      const id = await pod.run(['sh', '-c', 'read go; seq 1 500000; echo end'], { stdin: true });
      const slow = attach(id, { stdin: true });
      await slow.answer;
      slow.socket.pause();
      slow.send(STDIN, 'go\n');
      expect(await pod.client.call('wait', { container: id })).toMatchObject({ exitCode: 0 });
      expect(pod.logLines(id).length).toBe(500_001);
      slow.socket.resume();
      await slow.until(() => slow.output(ERROR) !== '');
      expect(JSON.parse(slow.output(ERROR))).toMatchObject({ code: 'Failed' });
    }, 30_000);

    it('refuses stdin where the container has none', async () => {
      expect(await pod.client.fails('attach', { container: main, stdin: true })).toMatchObject({
        code: 'InvalidRequest',
      });
    });
  });

  describe('dial', () => {
    const listen = (host: string, port: number, body: string): Promise<ChildProcess> =>
      NetworkNamespace.serve(
        pod.ready['pausePid'] as number,
        `require('net').createServer({ allowHalfOpen: true }, (s) => { ${body} }).listen(${port}, '${host}', () => console.log('ready'))`,
      );

    it('relays bytes both ways with half-close', async () => {
      const server = await listen(
        '127.0.0.1',
        8080,
        "let n = 0; s.on('data', (d) => n += d.length).on('end', () => s.end(n + ' bye'))",
      );
      const stream = new Stream(pod.socketPath, { command: 'dial', port: 8080 });
      expect(await stream.answer).toMatchObject({ result: { address: '127.0.0.1:8080' } });
      stream.socket.end('x'.repeat(3_000_000));
      await stream.closed;
      expect(stream.raw.toString()).toBe('3000000 bye');
      server.kill('SIGKILL');
    });

    it('megabytes come back whole, and a reader that stops does not stop the monitor', async () => {
      const server = await listen('127.0.0.1', 8082, "s.end(Buffer.alloc(20_000_000, 'y'))");
      const stream = new Stream(pod.socketPath, { command: 'dial', port: 8082 });
      await stream.answer;
      stream.socket.pause();
      for (let i = 0; i < 20; i++) await pod.client.call('status');
      let length = stream.raw.length;
      stream.socket.removeAllListeners('data').on('data', (chunk: Buffer) => (length += chunk.length));
      stream.socket.on('end', () => stream.socket.end());
      stream.socket.resume();
      await stream.closed;
      expect(length).toBe(20_000_000);
      server.kill('SIGKILL');
    });

    it('tries ::1 when 127.0.0.1 refuses', async () => {
      const server = await listen('::1', 8081, "s.end('six')");
      const stream = new Stream(pod.socketPath, { command: 'dial', port: 8081 });
      expect((await stream.answer)['result']).toEqual({ address: '[::1]:8081' });
      await stream.until(() => stream.raw.toString() === 'six');
      stream.socket.end();
      await stream.closed;
      server.kill('SIGKILL');
    });

    it('a port where nobody listens is an error, and the connection stays', async () => {
      const client = new ControlClient(pod.socketPath);
      expect(await client.fails('dial', { port: 9999 })).toMatchObject({
        code: 'ConnectFailed',
        errno: 'ECONNREFUSED',
      });
      expect(await client.fails('dial', { port: 0 })).toMatchObject({ code: 'InvalidRequest' });
      expect((await client.call('status'))['sandbox'].state).toBe('Ready');
      client.socket.destroy();
    });
  });

  describe('logs', () => {
    it('are lines with nanoseconds; long lines and an unfinished end are partial', async () => {
      const { status } = await pod.shell(
        'echo one; echo two >&2; head -c 40000 /dev/zero | tr "\\0" a; echo; printf end',
      );
      const lines = pod.logLines(status['id'] as string);
      for (const line of lines) expect(line).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (stdout|stderr) [FP] /);
      const out = lines.filter((line) => line.includes(' stdout ')).map((line) => line.slice(31));
      expect(out).toEqual([
        'stdout F one',
        `stdout P ${'a'.repeat(16384)}`,
        `stdout P ${'a'.repeat(16384)}`,
        `stdout F ${'a'.repeat(7232)}`,
        'stdout P end',
      ]);
      expect(pod.log(status['id'] as string, 'stderr')).toBe('two\n');
    });

    it('reopenLog goes on in a new file without losing a line', async () => {
      const id = await pod.run(['sh', '-c', 'for i in $(seq 1 2000); do echo $i; done; read x; echo last'], {
        stdin: true,
      });
      const file = path.join(pod.folder, `${id}.log`);
      fs.renameSync(file, `${file}.1`);
      await pod.client.call('reopenLog', { container: id });
      const stream = new Stream(pod.socketPath, { command: 'attach', container: id, stdin: true });
      await stream.answer;
      stream.send(STDIN, '\n');
      await stream.exit();
      const all = [...fs.readFileSync(`${file}.1`, 'utf8').split('\n'), ...pod.logLines(id)].filter(Boolean);
      const texts = all.map((line) => line.split(' ')[3]);
      expect(texts).toEqual([...Array.from({ length: 2000 }, (_, i) => `${i + 1}`), 'last']);
    });

    it('a non-root user can write to /dev/stdout', async () => {
      expect((await pod.shell('echo hi > /dev/stdout', { user: { user: '1000' } })).stdout).toBe('hi\n');
    });
  });

  describe('protocol', () => {
    it('answers garbage with an error and ends the connection', async () => {
      const stream = new Stream(pod.socketPath, {});
      expect(await stream.answer).toMatchObject({ id: 1, ok: false, error: { code: 'InvalidRequest' } });
      stream.socket.write('garbage\n');
      await stream.closed;
      expect(JSON.parse(stream.raw.toString())).toMatchObject({ version: 1, id: null, ok: false });
    });

    it('refuses another version by name', async () => {
      expect((await pod.client.send({ command: 'status', version: 7 }))['error']).toMatchObject({
        code: 'UnsupportedVersion',
        supported: [1],
      });
    });

    it('events are replayed from a cursor, then live', async () => {
      const { cursor } = await pod.client.call('status');
      const id = await pod.run(['true']);
      await pod.client.call('wait', { container: id });
      const client = new ControlClient(pod.socketPath);
      await client.call('watch', { cursor });
      await client.nextEvent((event) => event['event'] === 'exited' && event['container'].id === id);
      await pod.client.call('remove', { container: id });
      expect(await client.nextEvent((event) => event['event'] === 'removed')).toMatchObject({
        cursor: cursor + 3,
        container: { id },
      });
      client.socket.destroy();
      const lagged = new ControlClient(pod.socketPath);
      await lagged.call('watch', { cursor: 1e6 });
      expect(await lagged.nextEvent(() => true)).toMatchObject({ event: 'lagged', cursor: cursor + 3 });
      lagged.socket.destroy();
    });

    it('survives clients that come and go at any moment, and leaks no descriptor', async () => {
      const descriptors = (): number => fs.readdirSync(`/proc/${pod.ready['monitorPid'] as number}/fd`).length;
      const before = descriptors();
      const requests: Json[] = [
        { command: 'exec', args: ['sh', '-c', 'echo x; cat'], stdin: true },
        { command: 'exec', args: ['sh', '-c', 'yes'], tty: true, stdin: true },
        { command: 'exec', args: ['nope'] },
        { command: 'exec', args: ['sleep', '5'], timeoutMs: 3 },
        { command: 'attach', stdin: true },
        { command: 'dial', port: 9999 },
        { command: 'wait' },
        { command: 'watch', cursor: 0 },
      ];
      for (let round = 0; round < 25; round++) {
        const container = await pod.run(['sh', '-c', 'while true; do echo tick; usleep 500; done'], { stdin: true });
        const streams = requests.map((request) => new Stream(pod.socketPath, { container, ...request }));
        // Every client leaves at another point of its request's life.
        for (const [i, stream] of streams.entries()) {
          if ((round + i) % 3 !== 0 && requests[i]?.['command'] !== 'wait') await stream.answer;
          if ((round + i) % 5 === 1) stream.send(STDIN, 'y'.repeat(100_000));
          if ((round + i) % 2 === 0) stream.socket.destroy();
        }
        await pod.client.call('remove', { container });
        for (const stream of streams) stream.socket.destroy();
      }
      for (let i = 0; i < 500 && descriptors() > before; i++) await pod.client.call('status');
      expect(descriptors()).toBeLessThanOrEqual(before);
    }, 60_000);

    it('the metadata comes back', async () => {
      const metadata = JSON.stringify({ name: 'wéb "x"\n', emoji: '🚢' });
      const id = await pod.run(['sleep', '100'], { metadata });
      const { containers } = await pod.client.call('status');
      expect((containers as Json[]).find((one) => one['id'] === id)).toMatchObject({ metadata, state: 'Running' });
      await pod.client.call('remove', { container: id });
    });
  });
});
