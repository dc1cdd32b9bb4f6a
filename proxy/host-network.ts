/** What forwarding pods' packets takes of the host: `ip_forward`, set and put back as it was. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';

const IP_FORWARD = '/proc/sys/net/ipv4/ip_forward';

/** Switches forwarding on; what it was is kept in `memoryFile` until `restoreForwarding`. */
export function enableForwarding(memoryFile: string): void {
  const before = readFileSync(IP_FORWARD, 'utf8').trim();
  if (before === '1') return;
  writeFileSync(memoryFile, before, { mode: 0o600 });
  writeFileSync(IP_FORWARD, '1');
}

/** Does nothing when forwarding was on before. */
export function restoreForwarding(memoryFile: string): void {
  let before: string;
  try {
    before = readFileSync(memoryFile, 'utf8');
  } catch {
    return;
  }
  writeFileSync(IP_FORWARD, before);
  rmSync(memoryFile, { force: true });
}
