/** The service's time, as far as this device can tell: leases run by it, and clocks of phones are often wrong. */

const TRUSTED_SKEW_MS = 30_000;

let skewMs = 0;

/** Take note of the header `Date` of a reply; it has whole seconds, and has travelled. */
export function hearDate(header: string | null): void {
  const told = header === null ? NaN : Date.parse(header);
  if (!Number.isFinite(told)) return;
  const apart = told - Date.now();
  skewMs = Math.abs(apart) < TRUSTED_SKEW_MS ? 0 : apart;
}

export function serviceNow(): number {
  return Date.now() + skewMs;
}

/** RFC 3339 with the device's own offset, as the contract wants moments. */
export function moment(at: Date = new Date()): string {
  const offset = -at.getTimezoneOffset();
  const local = new Date(at.getTime() + offset * 60_000).toISOString().slice(0, -1);
  const two = (value: number) => String(Math.floor(Math.abs(value))).padStart(2, "0");
  return `${local}${offset < 0 ? "-" : "+"}${two(offset / 60)}:${two(offset % 60)}`;
}

export function utcOffsetMinutes(at: Date = new Date()): number {
  return -at.getTimezoneOffset();
}
