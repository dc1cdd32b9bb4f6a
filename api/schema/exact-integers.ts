/**
 * Numbers are doubles here, and int64 at the peers: an integer that would be stored as another one is refused, not
 * changed.
 */

/** Such text may hold one; most has none, and is not looked through. */
const LONG_NUMBER = /\d{16}/;
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const INTEGER = /^-?\d+$/;

/** Throws where `text`, which is JSON, has an integer that changes when it is read. */
export function checkIntegers(text: string): void {
  if (!LONG_NUMBER.test(text)) return;
  for (let at = 0; at < text.length;) {
    const open = text.indexOf('"', at);
    const end = open < 0 ? text.length : open;
    for (const [number] of text.slice(at, end).matchAll(NUMBER)) checkInteger(number);
    at = open < 0 ? text.length : endOfString(text, open) + 1;
  }
}

/** Throws when the number is an integer of which another one would be read. */
export function checkInteger(number: string): void {
  if (number.length < 16 || !INTEGER.test(number) || String(Number(number)) === number) return;
  throw new Error(`the integer ${number} cannot be kept: up to ${Number.MAX_SAFE_INTEGER} all can`);
}

/** The position of the closing quote of the string that opens at `at`, or -1. */
export function endOfString(text: string, at: number): number {
  for (let end = text.indexOf('"', at + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === 0x5c) slashes++;
    if (slashes % 2 === 0) return end;
  }
  return -1;
}
