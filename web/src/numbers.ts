/** Rounding as Python does it. */

/** Round to the nearest whole number, halves to the even one. */
export function round(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * Round a number that fits in 32 bits to some decimals, halves to the even one.
 *
 * Such a number times 100,000 is exact in 64 bits, so the halves are, too.
 */
export function roundTo(value: number, decimals: number): number {
  const factor = 10 ** decimals;
  return round(value * factor) / factor;
}

/** Return the numbers 0 to n - 1, ordered by a falling value; equal ones keep their order. */
export function orderByFalling(values: ArrayLike<number>): number[] {
  return Array.from({ length: values.length }, (_, index) => index).sort((a, b) => values[b] - values[a]);
}

/** Return the numbers of those for which something holds. */
export function indicesWhere(length: number, holds: (index: number) => boolean): number[] {
  const found = [];
  for (let index = 0; index < length; index++) if (holds(index)) found.push(index);
  return found;
}
