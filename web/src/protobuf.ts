/** Reads and changes messages of protocol buffers, as far as ONNX files need it. */

/**
 * Yield number and bytes of each field of a message, and where it begins and ends; fields that are plain numbers have
 * no bytes.
 */
export function* fields(buffer: Uint8Array): Generator<[number, Uint8Array | null, number, number]> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 64; shift += 7) {
      if (at >= buffer.length) throw new RangeError("ends too early");
      const byte = buffer[at++];
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    throw new RangeError("a number is too long");
  };
  while (at < buffer.length) {
    const begin = at;
    const tag = varint();
    const kind = tag % 8;
    let length = 0;
    if (kind === 0) varint();
    else if (kind === 1) length = 8;
    else if (kind === 2) length = varint();
    else if (kind === 5) length = 4;
    else throw new RangeError(`no field of kind ${kind}`);
    if (at + length > buffer.length) throw new RangeError("ends too early");
    const bytes = kind === 2 ? buffer.subarray(at, at + length) : null;
    at += length;
    yield [Math.floor(tag / 8), bytes, begin, at];
  }
}

/** Return a field with bytes, as it stands in a message. */
export function field(number: number, bytes: Uint8Array): Uint8Array {
  return joined([Uint8Array.from([...varint_of(number * 8 + 2), ...varint_of(bytes.length)]), bytes]);
}

/** Return a field that is a whole number, as it stands in a message. */
export function varint_field(number: number, value: number): Uint8Array {
  return Uint8Array.from([...varint_of(number * 8), ...varint_of(value)]);
}

/**
 * Replace the fields with bytes of one number; null leaves a field out.
 *
 * @returns the very buffer where nothing changes.
 */
export function replaced(
  buffer: Uint8Array,
  number: number,
  replace: (bytes: Uint8Array) => Uint8Array | null,
): Uint8Array {
  const parts: Uint8Array[] = [];
  let changed = false;
  for (const [found, bytes, begin, end] of fields(buffer)) {
    const other = found === number && bytes ? replace(bytes) : bytes;
    changed ||= other !== bytes;
    if (other === bytes) parts.push(buffer.subarray(begin, end));
    else if (other) parts.push(field(number, other));
  }
  return changed ? joined(parts) : buffer;
}

/** Put arrays one after the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function varint_of(value: number): number[] {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
  return [...bytes, value];
}
