// Formats numbers, and creates elements in one call.

const number = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

export const percent = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 }).format;

/** Decimal units, as in file managers and in S3's prices. */
export function bytes(count) {
  const units = ["bytes", "kB", "MB", "GB"];
  let unit = 0;
  while (count >= 1000 && unit < units.length - 1) {
    count /= 1000;
    unit += 1;
  }
  return `${number.format(count)} ${units[unit]}`;
}

/** `1:02:03`, `3:00`. */
export function clock(seconds) {
  const whole = Math.floor(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (parts[0] === 0) parts.shift();
  return parts.map((part, at) => (at === 0 ? `${part}` : `${part}`.padStart(2, "0"))).join(":");
}

export function element(name, properties, children = []) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}
