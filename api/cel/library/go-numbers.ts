/** Numbers as Go's strconv writes them. */

/** `strconv.FormatFloat(value, 'g', -1, 64)`. */
export function formatDouble(value: number): string {
  if (!Number.isFinite(value)) {
    return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
  }
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const absolute = Math.abs(value);
  const [mantissa = '0', exponentText = '0'] = absolute.toExponential().split('e');
  const exponent = Number(exponentText);
  const digits = mantissa.replace('.', '');
  // Beyond six digits before the point, Go turns to exponents.
  if (absolute !== 0 && (exponent < -4 || exponent >= 6)) {
    return sign + withExponent(mantissa, exponent);
  }
  return sign + plain(digits, exponent);
}

/** Go's `%e` form: at least two digits of exponent. */
export function withExponent(mantissa: string, exponent: number): string {
  return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

function plain(digits: string, exponent: number): string {
  if (exponent < 0) {
    return `0.${'0'.repeat(-exponent - 1)}${digits}`;
  }
  const padded = digits.padEnd(exponent + 1, '0');
  const fraction = padded.slice(exponent + 1);
  return padded.slice(0, exponent + 1) + (fraction === '' ? '' : `.${fraction}`);
}
