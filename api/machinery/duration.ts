/** Durations and ages as kubectl prints them (apimachinery `util/duration/duration.go`). */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** `3h5m`, or `3h`: the lesser unit only where there is some of it. */
const two = (major: string, minor: number, minorUnit: string): string =>
  minor === 0 ? major : `${major}${minor}${minorUnit}`;

/** `5s`, `2m3s`, `3h5m`, `4d2h`, `2y10d` (`HumanDuration`); clocks that differ by less than 2 s give `0s`. */
export function humanDuration(durationMs: number): string {
  const seconds = Math.trunc(durationMs / SECOND);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.trunc(durationMs / MINUTE);
  if (minutes < 10) return two(`${minutes}m`, seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(durationMs / HOUR);
  if (hours < 8) return two(`${hours}h`, minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / 24);
  if (hours < 24 * 8) return two(`${days}d`, hours % 24, 'h');
  if (hours < 24 * 365 * 2) return `${days}d`;
  const years = Math.trunc(days / 365);
  return hours < 24 * 365 * 8 ? two(`${years}y`, days % 365, 'd') : `${years}y`;
}

/** With the largest unit only: `5s`, `2m`, `3h`, `4d`, `2y` (`ShortHumanDuration`). */
export function shortHumanDuration(durationMs: number): string {
  const seconds = Math.trunc(durationMs / SECOND);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.trunc(durationMs / MINUTE);
  if (minutes < 60) return `${minutes}m`;
  const hours = Math.trunc(durationMs / HOUR);
  if (hours < 24) return `${hours}h`;
  return hours < 24 * 365 ? `${Math.trunc(hours / 24)}d` : `${Math.trunc(hours / 24 / 365)}y`;
}

/** The age of something that happened at an RFC 3339 time; `<unknown>` without one (`translateTimestampSince`). */
export function ageSince(timestamp: string | null | undefined, nowMs: number): string {
  const then = timestamp ? Date.parse(timestamp) : NaN;
  return Number.isNaN(then) ? '<unknown>' : humanDuration(nowMs - then);
}
